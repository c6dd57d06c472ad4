//! How large synthetic images are: a distribution around a mean, truncated by rejection.

use std::fmt;

use thiserror::Error;

use super::truncated::Truncated;
use crate::seed::Seed;
use crate::spec::{ImageBytes, LengthShape};

/// Why an [`ImageBytes`] cannot be drawn from.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ImageBytesError {
    /// A size that no image has here.
    #[error(
        "an image of {0} bytes cannot be made: give {least} bytes to {most}",
        least = ImageBytes::LEAST,
        most = ImageBytes::MOST
    )]
    Size(u32),
    /// Bounds in the wrong order.
    #[error("the smallest image, {min} bytes, is larger than the largest, {max} bytes: swap them")]
    Bounds {
        /// The lower one.
        min: u32,
        /// The upper one.
        max: u32,
    },
    /// A width that is negative or not a number.
    #[error("the range of image sizes is {0}: give a number of at least 0, relative to the mean")]
    Range(f64),
    /// So few draws lie within the bounds that a run would get stuck on one.
    #[error("hardly any image of {0} bytes lies between the bounds: move the mean, or widen the bounds")]
    Rejected(ImageBytes),
}

impl ImageBytes {
    /// The smallest image, bytes: what a JPEG has around its picture leaves room for little else.
    pub const LEAST: u32 = 1024;
    /// The largest image, bytes: 32 MiB.
    pub const MOST: u32 = 32 << 20;

    /// Checks that sizes can be drawn.
    ///
    /// # Errors
    /// Says which parameter is impossible.
    pub fn validate(&self) -> Result<(), ImageBytesError> {
        let sizes = [self.mean, self.min, self.max];
        if let Some(&size) = sizes.iter().find(|size| !(Self::LEAST..=Self::MOST).contains(size)) {
            return Err(ImageBytesError::Size(size));
        }
        if self.min > self.max {
            return Err(ImageBytesError::Bounds { min: self.min, max: self.max });
        }
        if !(self.range.is_finite() && self.range >= 0.0) {
            return Err(ImageBytesError::Range(self.range));
        }
        if !self.truncated().is_drawable() {
            return Err(ImageBytesError::Rejected(*self));
        }
        Ok(())
    }

    /// Bytes of the image with this number: the same for the same seed and number.
    pub fn sample(&self, seed: Seed, number: u64) -> u32 {
        if self.shape == LengthShape::Constant {
            return self.mean;
        }
        self.truncated().sample(&mut seed.keyed("image-bytes", number))
    }

    fn truncated(&self) -> Truncated {
        Truncated { mean: self.mean, shape: self.shape, range: self.range, least: self.min, most: self.max }
    }
}

/// As lengths of answers are written: `uniform(200000 +/- 60000)`.
impl fmt::Display for ImageBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mean, width) = (self.mean, self.truncated().half_width());
        match self.shape {
            LengthShape::Constant => write!(f, "{mean}"),
            LengthShape::Uniform => write!(f, "uniform({mean} +/- {width})"),
            LengthShape::Normal => write!(f, "normal({mean}, {width})"),
            LengthShape::Exponential => write!(f, "exponential({mean})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(mean: u32, shape: LengthShape, min: u32, max: u32) -> ImageBytes {
        ImageBytes { mean, shape, range: 0.3, min, max }
    }

    #[test]
    fn sizes_lie_within_their_bounds_and_have_their_mean() {
        use LengthShape::{Constant, Exponential, Normal, Uniform};
        let (least, most) = (ImageBytes::LEAST, ImageBytes::MOST);
        for (shape, min, max, mean) in [
            (Constant, least, most, 200_000.0),
            (Uniform, least, most, 200_000.0),
            (Uniform, 200_000, most, 230_000.0),
            (Normal, least, most, 200_000.0),
            // 1024 and more, and the mean of what lies beyond a bound of an exponential is one mean farther.
            (Exponential, least, most, 201_024.0),
        ] {
            let bytes = sizes(200_000, shape, min, max);
            assert_eq!(bytes.validate(), Ok(()), "{bytes}");
            let drawn: Vec<u32> = (0..20_000).map(|number| bytes.sample(Seed(3), number)).collect();
            assert!(drawn.iter().all(|size| (min..=max).contains(size)), "{bytes}");
            let found = drawn.iter().map(|&size| f64::from(size)).sum::<f64>() / 20_000.0;
            assert!((found / mean - 1.0).abs() < 0.04, "{bytes}: {found}");
            assert_eq!(drawn[17], bytes.sample(Seed(3), 17));
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        use LengthShape::{Constant, Exponential, Normal};
        let (least, most) = (ImageBytes::LEAST, ImageBytes::MOST);
        let beyond = most + 1;
        for (bytes, expected) in [
            (sizes(0, Constant, least, most), ImageBytesError::Size(0)),
            (sizes(beyond, Normal, least, most), ImageBytesError::Size(beyond)),
            (sizes(5000, Normal, 100, most), ImageBytesError::Size(100)),
            (sizes(5000, Normal, least, beyond), ImageBytesError::Size(beyond)),
            (sizes(5000, Normal, 6000, 4000), ImageBytesError::Bounds { min: 6000, max: 4000 }),
            (ImageBytes { range: -1.0, ..sizes(5000, Normal, least, most) }, ImageBytesError::Range(-1.0)),
        ] {
            assert_eq!(bytes.validate(), Err(expected));
        }
        for bytes in [sizes(5000, Constant, 6000, most), sizes(2000, Exponential, 20_000, most)] {
            assert_eq!(bytes.validate(), Err(ImageBytesError::Rejected(bytes)));
        }
    }
}
