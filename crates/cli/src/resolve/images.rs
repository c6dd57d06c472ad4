//! Synthetic images by their bytes.

use plimsoll_core::spec::ImageBytes;

use crate::args::images::ImageArgs;
use crate::exit::{UsageError, refuse};

/// Options that shape sizes and mean nothing alone.
const SHAPES: [&str; 4] =
    ["image-bytes-distribution", "image-bytes-range", "image-bytes-min", "image-bytes-max"];

/// The sizes of images, if images of a size are asked for.
///
/// # Errors
/// Sizes that cannot be, or an option that says how large images are which nobody asked for.
pub(super) fn resolve(
    typed: &ImageArgs,
    given: &dyn Fn(&str) -> bool,
) -> Result<Option<ImageBytes>, UsageError> {
    let Some(mean) = typed.image_bytes else {
        return match SHAPES.into_iter().find(|option| given(option)) {
            Some(option) => refuse!("--{option} shapes the sizes of images: add --image-bytes SIZE"),
            None => Ok(None),
        };
    };
    let bytes = ImageBytes {
        mean,
        shape: typed.image_bytes_distribution.shape(),
        range: typed.image_bytes_range,
        min: typed.image_bytes_min.unwrap_or(ImageBytes::LEAST),
        max: typed.image_bytes_max.unwrap_or(ImageBytes::MOST),
    };
    bytes.validate().map_err(|error| UsageError(format!("--image-bytes: {error}")))?;
    Ok(Some(bytes))
}
