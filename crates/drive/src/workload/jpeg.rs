//! Synthetic JPEG files: of so many pixels, or of so many bytes.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageBuffer, Rgb};
use plimsoll_core::seed::Seed;
use rand::RngExt;

use super::WorkloadError;

/// How much detail a picture has.
#[derive(Clone, Copy)]
struct Look {
    /// JPEG quality, 1 to 100.
    quality: u8,
    /// Grain added to each channel, up and down. A blank picture would hide what it costs to send and to read images.
    grain: i16,
}

/// 1.4 bits per pixel (measured at 1024x1024), as photographs on web pages have.
const OF_RESOLUTION: Look = Look { quality: 80, grain: 12 };
/// 2.8 bits per pixel (measured at 2000x1500), as a camera's photographs have; the less pixels, the sooner it is made.
const OF_BYTES: Look = Look { quality: 85, grain: 16 };

/// Bits that a pixel of a picture of so many bytes takes, a little more than measured, so that most fit at the first try.
const BITS_PER_PIXEL: f64 = 2.95;
/// Bytes around the picture: tables and headers, as this encoder writes them.
const AROUND: f64 = 625.0;
/// The start of a JPEG, after which a comment may stand.
const START: [u8; 2] = [0xff, 0xd8];
/// The marker of a comment, and the bytes of marker and length.
const COMMENT: [u8; 2] = [0xff, 0xfe];
const COMMENT_HEAD: usize = 4;
/// The longest comment, with its head.
const COMMENT_MAX: usize = 2 + u16::MAX as usize;

/// An image of so many pixels. `number` tells the images of a run apart.
///
/// # Errors
/// The encoder refuses it.
pub(super) fn of_resolution(
    width: u32,
    height: u32,
    seed: Seed,
    number: u64,
) -> Result<Vec<u8>, WorkloadError> {
    picture((width, height), OF_RESOLUTION, seed, number)
}

/// A colour gradient of random direction under random grain.
fn picture(
    (width, height): (u32, u32),
    look: Look,
    seed: Seed,
    number: u64,
) -> Result<Vec<u8>, WorkloadError> {
    let mut rng = seed.keyed("images", number);
    let from: [u8; 3] = std::array::from_fn(|_| rng.random_range(40..216));
    let to: [u8; 3] = std::array::from_fn(|_| rng.random_range(40..216));
    let across: f32 = rng.random();
    let picture = ImageBuffer::from_fn(width, height, |x, y| {
        let share = across * x as f32 / width as f32 + (1.0 - across) * y as f32 / height as f32;
        Rgb(std::array::from_fn(|channel| {
            let (a, b) = (f32::from(from[channel]), f32::from(to[channel]));
            let grain = rng.random_range(-look.grain..=look.grain);
            ((a + (b - a) * share) as i16 + grain).clamp(0, 255) as u8
        }))
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, look.quality)
        .encode_image(&picture)
        .map_err(|error| WorkloadError::Image { width, height, reason: error.to_string() })?;
    Ok(jpeg)
}

/// A picture in the shape of 4:3 that takes nearly all of `bytes`, and a comment that takes the rest.
///
/// # Errors
/// The encoder refuses it, or `bytes` are fewer than [`ImageBytes::LEAST`](plimsoll_core::spec::ImageBytes::LEAST).
pub(super) fn of_bytes(bytes: u32, seed: Seed, number: u64) -> Result<Vec<u8>, WorkloadError> {
    let whole = f64::from(bytes);
    let mut pixels = (whole - AROUND) * 8.0 / BITS_PER_PIXEL;
    loop {
        let height = (pixels * 0.75).sqrt().max(1.0) as u32;
        let width = (pixels / f64::from(height)).max(1.0) as u32;
        let jpeg = picture((width, height), OF_BYTES, seed, number)?;
        let room = (bytes as usize).checked_sub(jpeg.len());
        if let Some(room) = room.filter(|&room| room == 0 || room >= COMMENT_HEAD) {
            return Ok(padded(jpeg, room));
        }
        if (width, height) == (1, 1) {
            return Err(WorkloadError::ImageBytes(bytes));
        }
        pixels *= 0.97 * (whole / jpeg.len() as f64).min(1.0);
    }
}

/// The same image with comments of `room` bytes, heads included: 0, or at least [`COMMENT_HEAD`].
fn padded(mut jpeg: Vec<u8>, mut room: usize) -> Vec<u8> {
    let mut comments = Vec::with_capacity(room);
    while room > 0 {
        // What is left must have room for the head of another comment.
        let left = room.saturating_sub(COMMENT_MAX);
        let taken = if left > 0 { room - left.max(COMMENT_HEAD) } else { room };
        let length = (taken - COMMENT.len()) as u16; // at most COMMENT_MAX - 2
        comments.extend(COMMENT);
        comments.extend(length.to_be_bytes());
        comments.resize(comments.len() + taken - COMMENT_HEAD, b' ');
        room -= taken;
    }
    jpeg.splice(START.len()..START.len(), comments);
    jpeg
}

#[cfg(test)]
mod tests {
    use plimsoll_core::spec::ImageBytes;

    use super::*;

    #[test]
    fn an_image_has_exactly_its_bytes_and_decodes() {
        for bytes in [ImageBytes::LEAST, 1025, 1500, 4096, 20_000, 20_001, 150_000] {
            let jpeg = of_bytes(bytes, Seed(3), u64::from(bytes)).unwrap();
            assert_eq!(jpeg.len(), bytes as usize);
            let picture = image::load_from_memory(&jpeg).unwrap();
            let (width, height) = (picture.width(), picture.height());
            assert!((1.2..1.5).contains(&(f64::from(width) / f64::from(height))), "{width}x{height}");
            // The picture is what takes the bytes, not the comment.
            let alone = super::picture((width, height), OF_BYTES, Seed(3), u64::from(bytes)).unwrap();
            assert!(alone.len() as f64 > 0.8 * f64::from(bytes), "{} of {bytes} bytes", alone.len());
        }
        assert_eq!(of_bytes(5000, Seed(3), 1).unwrap(), of_bytes(5000, Seed(3), 1).unwrap());
        assert_ne!(of_bytes(5000, Seed(3), 1).unwrap(), of_bytes(5000, Seed(3), 2).unwrap());
        assert!(of_bytes(600, Seed(3), 1).is_err());
    }

    #[test]
    fn comments_fill_any_room() {
        let jpeg = of_resolution(8, 8, Seed(0), 0).unwrap();
        let limit = COMMENT_MAX;
        for room in [0, 4, 5, limit - 1, limit, limit + 1, limit + 4, 2 * limit, 3 * limit + 2] {
            let padded = padded(jpeg.clone(), room);
            assert_eq!(padded.len(), jpeg.len() + room, "{room}");
            let picture = image::load_from_memory(&padded).unwrap();
            assert_eq!((picture.width(), picture.height()), (8, 8), "{room}");
        }
    }
}
