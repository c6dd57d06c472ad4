//! Synthetic images for vision prompts and for payloads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{ImageBytes, LengthShape, WorkloadSpec};
use plimsoll_core::workload::Images;

use super::{WorkloadError, jpeg};

/// The longest side of an image, in pixels.
pub(super) const MAX_SIDE: u32 = 16_384;

/// Content type of a synthetic image, and the name under which a form has it.
pub(super) const TYPE: &str = "image/jpeg";
pub(super) const FILE_NAME: &str = "image.jpg";

/// Images of a distribution that are made, at most: enough to stand for it, and that no cache answers for the model.
const VARIANTS: u64 = 64;
/// Images of one size that are made, at most.
const ALIKE: u64 = 8;
/// Bytes of all of them together, about; but at least [`FEWEST`] are made of a distribution.
const VARIANT_BYTES: usize = 16 << 20;
const FEWEST: usize = 4;

/// The images of a workload's prompts.
///
/// # Errors
/// A size is impossible.
pub(super) fn of_prompts(spec: &WorkloadSpec, seed: Seed) -> Result<Images, WorkloadError> {
    let Some(bytes) = &spec.image_bytes else {
        return Ok(Images::same(of_resolutions(&spec.images, seed)?));
    };
    let files = of_bytes(bytes, seed)?;
    let note = describe(&files);
    Ok(Images::in_turn(files.iter().map(|file| data_uri(file)).collect(), format!(" of {note}")))
}

/// JPEG files whose sizes are drawn from a distribution. The same seed gives the same bytes.
///
/// # Errors
/// Nothing can be drawn from it.
pub(super) fn of_bytes(bytes: &ImageBytes, seed: Seed) -> Result<Vec<Bytes>, WorkloadError> {
    bytes.validate()?;
    let (most, fewest) = if bytes.shape == LengthShape::Constant { (ALIKE, 1) } else { (VARIANTS, FEWEST) };
    let (mut files, mut total) = (Vec::new(), 0);
    for number in 0..most {
        if files.len() >= fewest && total >= VARIANT_BYTES {
            break;
        }
        let file = jpeg::of_bytes(bytes.sample(seed, number), seed, number)?;
        total += file.len();
        files.push(file.into());
    }
    Ok(files)
}

/// `9120 to 31004 bytes, 19873 on average (64 in turn)`.
pub(super) fn describe(files: &[Bytes]) -> String {
    let sizes = files.iter().map(Bytes::len);
    let (least, most) = (sizes.clone().min().unwrap_or(0), sizes.clone().max().unwrap_or(0));
    let mean = sizes.sum::<usize>() / files.len().max(1);
    let turns = format!("({} in turn)", files.len());
    if least == most {
        format!("{most} bytes {turns}")
    } else {
        format!("{least} to {most} bytes, {mean} on average {turns}")
    }
}

/// One JPEG for each resolution, as `data:` URIs. The same seed gives the same bytes.
///
/// # Errors
/// A side is 0 or longer than [`MAX_SIDE`].
fn of_resolutions(sizes: &[(u32, u32)], seed: Seed) -> Result<Vec<Bytes>, WorkloadError> {
    sizes
        .iter()
        .enumerate()
        .map(|(index, &(width, height))| {
            let sides = 1..=MAX_SIDE;
            if !sides.contains(&width) || !sides.contains(&height) {
                return Err(WorkloadError::ImageSize(width, height));
            }
            Ok(data_uri(&jpeg::of_resolution(width, height, seed, index as u64)?))
        })
        .collect()
}

fn data_uri(jpeg: &[u8]) -> Bytes {
    format!("data:{TYPE};base64,{}", STANDARD.encode(jpeg)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width and height in the frame header of a JPEG.
    fn size_of(uri: &Bytes) -> (u16, u16) {
        let base64 = uri.strip_prefix(b"data:image/jpeg;base64,").expect("a JPEG data URI");
        let jpeg = STANDARD.decode(base64).unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]), "start and end of image");
        let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a frame header");
        let number = |at| u16::from_be_bytes([jpeg[frame + at], jpeg[frame + at + 1]]);
        (number(7), number(5))
    }

    #[test]
    fn images_have_their_sizes_and_differ_by_place_and_seed() {
        let images = of_resolutions(&[(64, 32), (64, 32), (1, 1)], Seed(4)).unwrap();
        assert_eq!(images.iter().map(size_of).collect::<Vec<_>>(), [(64, 32), (64, 32), (1, 1)]);
        assert_ne!(images[0], images[1]);
        assert_eq!(images, of_resolutions(&[(64, 32), (64, 32), (1, 1)], Seed(4)).unwrap());
        assert_ne!(images[0], of_resolutions(&[(64, 32)], Seed(5)).unwrap()[0]);
    }

    #[test]
    fn an_image_is_as_large_as_a_photograph() {
        let image = &of_resolutions(&[(256, 256)], Seed(0)).unwrap()[0];
        let bits_per_pixel = image.len() as f64 * 0.75 * 8.0 / (256.0 * 256.0);
        assert!((1.0..4.0).contains(&bits_per_pixel), "{bits_per_pixel} bits per pixel");
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for size in [(0, 64), (64, 0), (16_385, 64), (64, u32::MAX)] {
            let error = of_resolutions(&[size], Seed(0)).unwrap_err().to_string();
            assert!(error.contains("from 1 to 16384"), "{error}");
        }
    }

    #[test]
    fn sizes_are_drawn_and_told() {
        let shape = LengthShape::Uniform;
        let bytes = ImageBytes { mean: 3000, shape, range: 0.5, min: 2000, max: 4000 };
        let files = of_bytes(&bytes, Seed(1)).unwrap();
        assert_eq!(files.len(), 64);
        assert!(files.iter().all(|file| (2000..=4000).contains(&file.len())));
        assert_eq!(files, of_bytes(&bytes, Seed(1)).unwrap());
        let told = describe(&files);
        assert!(told.starts_with("20") && told.ends_with(" on average (64 in turn)"), "{told}");
        let same = ImageBytes { shape: LengthShape::Constant, ..bytes };
        assert_eq!(describe(&of_bytes(&same, Seed(1)).unwrap()), "3000 bytes (8 in turn)");
        assert!(of_bytes(&ImageBytes { mean: 5, ..bytes }, Seed(1)).is_err());
    }
}
