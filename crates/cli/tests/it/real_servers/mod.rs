//! Real servers: what they count and what they measured of themselves is what the client must have seen.
//!
//! TorchServe and transformers need PyTorch (5 GB) and run with `./test --all-servers`, the others always. The tests of
//! one server alone: `cargo test -p plimsoll-cli --test it real_servers::kserve`, say.

mod kserve;
mod llamacpp;
mod mlserver;
mod server;
mod torchserve;
mod transformers;
mod triton;

pub(crate) use server::{Server, free_port, scripts};
