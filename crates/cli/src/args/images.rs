//! Options of synthetic images whose size in bytes is given.

use clap::Args;

use super::values::{LengthName, byte_count, not_negative};

/// Images by their bytes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Images of a size (chat, torchserve, http)")]
pub(crate) struct ImageArgs {
    /// Send a synthetic JPEG of so many bytes: 200kB, 1.5MB, 64KiB; the mean when a distribution is set
    ///
    /// In a chat each prompt has one; for torchserve and http it is the body, or with --multipart-field the field of a form.
    #[arg(long, value_name = "SIZE", value_parser = byte_count)]
    pub(crate) image_bytes: Option<u32>,
    /// Distribution of the size
    #[arg(long, value_enum, value_name = "NAME", default_value = "constant")]
    pub(crate) image_bytes_distribution: LengthName,
    /// Width of the distribution, relative to --image-bytes
    #[arg(long, value_name = "SHARE", value_parser = not_negative, default_value = "0.3")]
    pub(crate) image_bytes_range: f64,
    /// The smallest image [default: 1KiB]
    #[arg(long, value_name = "SIZE", value_parser = byte_count)]
    pub(crate) image_bytes_min: Option<u32>,
    /// The largest image [default: 32MiB]
    #[arg(long, value_name = "SIZE", value_parser = byte_count)]
    pub(crate) image_bytes_max: Option<u32>,
}
