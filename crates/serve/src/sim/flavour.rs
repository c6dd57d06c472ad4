//! Which server the simulated endpoint looks like: its names for metrics, and what is particular about its answers.

use std::fmt;
use std::str::FromStr;

/// A kind of model server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// vLLM's OpenAI server.
    #[default]
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face text-generation-inference.
    Tgi,
    /// NVIDIA Triton Inference Server.
    Triton,
    /// KServe's Python model server.
    Kserve,
    /// TorchServe.
    Torchserve,
    /// OpenAI's own service, which exports no metrics.
    Openai,
}

impl Flavour {
    /// Every flavour, in the order of the documentation.
    pub const ALL: [Flavour; 7] = [
        Flavour::Vllm,
        Flavour::Sglang,
        Flavour::Tgi,
        Flavour::Triton,
        Flavour::Kserve,
        Flavour::Torchserve,
        Flavour::Openai,
    ];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Flavour::Vllm => "vllm",
            Flavour::Sglang => "sglang",
            Flavour::Tgi => "tgi",
            Flavour::Triton => "triton",
            Flavour::Kserve => "kserve",
            Flavour::Torchserve => "torchserve",
            Flavour::Openai => "openai",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No flavour has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFlavour;

impl FromStr for Flavour {
    type Err = UnknownFlavour;

    fn from_str(name: &str) -> Result<Self, UnknownFlavour> {
        Flavour::ALL.into_iter().find(|flavour| flavour.name() == name).ok_or(UnknownFlavour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_no_other_is() {
        for flavour in Flavour::ALL {
            assert_eq!(flavour.to_string().parse(), Ok(flavour));
        }
        assert_eq!("VLLM".parse::<Flavour>(), Err(UnknownFlavour));
    }
}
