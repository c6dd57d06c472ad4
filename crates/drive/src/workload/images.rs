//! Synthetic images for vision prompts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageBuffer, Rgb};
use plimsoll_core::seed::Seed;
use rand::RngExt;

use super::WorkloadError;

/// The longest side of an image, in pixels.
pub(super) const MAX_SIDE: u32 = 16_384;

/// JPEG quality, 1 to 100.
const QUALITY: u8 = 80;

/// Grain added to each channel, up and down. With it an image takes 1.4 bits per pixel (measured at 1024x1024), in the
/// range of photographs; a blank one would hide what it costs to send and to read images.
const GRAIN: i16 = 12;

/// One JPEG for each resolution, as `data:` URIs. The same seed gives the same bytes.
///
/// # Errors
/// A side is 0 or longer than [`MAX_SIDE`].
pub(super) fn synthesize(sizes: &[(u32, u32)], seed: Seed) -> Result<Vec<Bytes>, WorkloadError> {
    sizes
        .iter()
        .enumerate()
        .map(|(index, &(width, height))| {
            let sides = 1..=MAX_SIDE;
            if !sides.contains(&width) || !sides.contains(&height) {
                return Err(WorkloadError::ImageSize(width, height));
            }
            let jpeg = jpeg(width, height, seed, index as u64)?;
            Ok(Bytes::from(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))))
        })
        .collect()
}

/// A colour gradient of random direction under random grain.
fn jpeg(width: u32, height: u32, seed: Seed, index: u64) -> Result<Vec<u8>, WorkloadError> {
    let mut rng = seed.keyed("images", index);
    let from: [u8; 3] = std::array::from_fn(|_| rng.random_range(40..216));
    let to: [u8; 3] = std::array::from_fn(|_| rng.random_range(40..216));
    let across: f32 = rng.random();
    let picture = ImageBuffer::from_fn(width, height, |x, y| {
        let share = across * x as f32 / width as f32 + (1.0 - across) * y as f32 / height as f32;
        Rgb(std::array::from_fn(|channel| {
            let (a, b) = (f32::from(from[channel]), f32::from(to[channel]));
            let grain = rng.random_range(-GRAIN..=GRAIN);
            ((a + (b - a) * share) as i16 + grain).clamp(0, 255) as u8
        }))
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(&picture)
        .map_err(|error| WorkloadError::Image { width, height, reason: error.to_string() })?;
    Ok(jpeg)
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
        let images = synthesize(&[(64, 32), (64, 32), (1, 1)], Seed(4)).unwrap();
        assert_eq!(images.iter().map(size_of).collect::<Vec<_>>(), [(64, 32), (64, 32), (1, 1)]);
        assert_ne!(images[0], images[1]);
        assert_eq!(images, synthesize(&[(64, 32), (64, 32), (1, 1)], Seed(4)).unwrap());
        assert_ne!(images[0], synthesize(&[(64, 32)], Seed(5)).unwrap()[0]);
    }

    #[test]
    fn an_image_is_as_large_as_a_photograph() {
        let image = &synthesize(&[(256, 256)], Seed(0)).unwrap()[0];
        let bits_per_pixel = image.len() as f64 * 0.75 * 8.0 / (256.0 * 256.0);
        assert!((1.0..4.0).contains(&bits_per_pixel), "{bits_per_pixel} bits per pixel");
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for size in [(0, 64), (64, 0), (16_385, 64), (64, u32::MAX)] {
            let error = synthesize(&[size], Seed(0)).unwrap_err().to_string();
            assert!(error.contains("from 1 to 16384"), "{error}");
        }
    }
}
