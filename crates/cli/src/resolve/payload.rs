//! What requests carry in place of prompts, as far as it can be said before the provider is known.

use plimsoll_core::spec::tensors::{Framing, PayloadSpec, TensorEncoding, Values};
use plimsoll_core::spec::{Interface, Provider};

use super::{Context, groups, images, in_folder};
use crate::args::RunArgs;
use crate::args::payload::{EncodingName, PayloadArgs};
use crate::exit::{UsageError, refuse};

/// Options that say how payloads look, and in which framings they mean something.
const OF_PAYLOADS: [(&str, &[Kind]); 9] = [
    ("input-data", &[Kind::Tensors, Kind::Protobuf, Kind::Instances, Kind::Body]),
    ("shape", &[Kind::Tensors, Kind::Protobuf, Kind::Instances, Kind::Body]),
    ("batch-size", &[Kind::Tensors, Kind::Protobuf, Kind::Instances]),
    ("string-length", &[Kind::Tensors, Kind::Protobuf, Kind::Instances, Kind::Body]),
    ("tensor-encoding", &[Kind::Tensors]),
    ("output", &[Kind::Tensors, Kind::Protobuf]),
    ("model-version", &[Kind::Tensors, Kind::Protobuf, Kind::Instances, Kind::Body]),
    ("content-type", &[Kind::Body]),
    ("multipart-field", &[Kind::Body]),
];

/// The framings, without what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tensors,
    /// Tensors too, which gRPC writes in one way only.
    Protobuf,
    Instances,
    Body,
}

/// Payloads whose framing depends on the provider.
#[derive(Clone, Debug)]
pub(crate) struct PayloadDraft {
    /// All of it but for the framing.
    rest: PayloadSpec,
    encoding: Option<TensorEncoding>,
    outputs: Vec<String>,
    content_type: Option<String>,
    multipart_field: Option<String>,
    given_of_prompts: Vec<&'static str>,
    given_of_payloads: Vec<&'static str>,
}

/// Reads the options.
pub(super) fn resolve(
    args: &RunArgs,
    context: &Context,
    given: &dyn Fn(&str) -> bool,
) -> Result<PayloadDraft, UsageError> {
    let typed = &args.payload;
    let values = match images::resolve(&args.images, given)? {
        Some(_) if given("input-data") => {
            refuse!("--input-data and --image-bytes both say what is sent: give one of them")
        }
        Some(images) => Values::Images(images),
        None => values(typed, context)?,
    };
    let made = matches!(values, Values::Random | Values::Zero);
    if given("string-length") && !made {
        refuse!(
            "--string-length shapes strings that are made here: leave it out, or --input-data and --image-bytes"
        );
    }
    check_texts(typed)?;
    Ok(PayloadDraft {
        rest: PayloadSpec {
            framing: Framing::Instances,
            values,
            shapes: typed.shape.clone(),
            batch_size: typed.batch_size,
            string_length: typed.string_length,
            model_version: typed.model_version.clone(),
            inputs: Vec::new(),
        },
        encoding: typed.tensor_encoding.map(|name| match name {
            EncodingName::Json => TensorEncoding::Json,
            EncodingName::Binary => TensorEncoding::Binary,
        }),
        outputs: typed.output.clone(),
        content_type: typed.content_type.clone(),
        multipart_field: typed.multipart_field.clone(),
        given_of_prompts: groups::of_prompts()
            .chain(groups::MODELS)
            .filter(|&option| given(option))
            .collect(),
        given_of_payloads: OF_PAYLOADS
            .into_iter()
            .map(|(option, _)| option)
            .filter(|&option| given(option))
            .collect(),
    })
}

fn values(typed: &PayloadArgs, context: &Context) -> Result<Values, UsageError> {
    let text = typed.input_data.trim();
    Ok(match text {
        "random" => Values::Random,
        "zero" => Values::Zero,
        "" => refuse!("--input-data is empty: write random, zero, a path, or JSON"),
        json if json.starts_with(['[', '{', '"']) => Values::Inline(json.to_owned()),
        path => {
            let path = in_folder(&context.folder, std::path::Path::new(path.trim_start_matches('@')));
            if !path.exists() {
                refuse!("--input-data {} is not there: write random, zero, a path, or JSON", path.display());
            }
            Values::Path(path.display().to_string())
        }
    })
}

/// What becomes part of a path or of a header field must not break it.
fn check_texts(typed: &PayloadArgs) -> Result<(), UsageError> {
    if let Some(version) = typed.model_version.as_deref().filter(|text| {
        text.is_empty() || text.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control())
    }) {
        refuse!(
            "--model-version `{}` is no version: write it as the server does, such as 1",
            version.escape_debug()
        );
    }
    if typed
        .content_type
        .as_deref()
        .is_some_and(|text| !text.contains('/') || text.contains(char::is_control))
    {
        refuse!("--content-type is no content type: write it as image/jpeg");
    }
    Ok(())
}

impl PayloadDraft {
    /// The payloads of a run that asks `provider` for `interface`; nothing if that takes prompts.
    ///
    /// # Errors
    /// An option was given that means nothing there.
    pub(crate) fn for_interface(
        &self,
        provider: Provider,
        interface: Interface,
    ) -> Result<Option<PayloadSpec>, UsageError> {
        let name = provider.name();
        if !interface.takes_payloads() {
            return match self.given_of_payloads.first() {
                Some(option) => refuse!(
                    "--{option} is for payloads, and {name} is asked with prompts: leave it out, or name another \
                     --provider, such as triton or torchserve"
                ),
                None => Ok(None),
            };
        }
        if interface == Interface::Http {
            let of_bodies = ["content-type", "multipart-field"];
            return match self.given_of_payloads.iter().find(|option| !of_bodies.contains(option)) {
                Some(option) => {
                    refuse!("--{option} means nothing to {name}: leave it out, and write a --body")
                }
                None => Ok(None), // requests of the user's own have a form of their own
            };
        }
        if let Some(option) = self.given_of_prompts.first() {
            refuse!(
                "--{option} is for prompts and texts, and {name} is asked with payloads: leave it out{}",
                if provider == Provider::Triton { ", or use --provider triton-infer for text" } else { "" }
            );
        }
        let framing = self.framing(provider, interface);
        let kind = match framing {
            Framing::Tensors { encoding: TensorEncoding::Protobuf, .. } => Kind::Protobuf,
            Framing::Tensors { .. } => Kind::Tensors,
            Framing::Instances => Kind::Instances,
            Framing::Body { .. } => Kind::Body,
        };
        let meant =
            |option: &str| OF_PAYLOADS.iter().any(|(name, kinds)| *name == option && kinds.contains(&kind));
        if let Some(option) = self.given_of_payloads.iter().find(|option| !meant(option)) {
            refuse!("--{option} means nothing to {name}: leave it out");
        }
        if matches!(self.rest.values, Values::Images(_)) && kind != Kind::Body {
            refuse!("--image-bytes means nothing to {name}: leave it out");
        }
        let made = matches!(self.rest.values, Values::Random | Values::Zero);
        match (kind, made, self.rest.shapes.len()) {
            (Kind::Tensors | Kind::Protobuf, ..) => {}
            (Kind::Body, true, 2..) => {
                refuse!("{name} gets one tensor of values made here: give one --shape")
            }
            (_, false, 1..) => {
                refuse!(
                    "--shape is for values that are made here: leave it out, or --input-data and --image-bytes"
                )
            }
            _ => {}
        }
        Ok(Some(PayloadSpec { framing, ..self.rest.clone() }))
    }

    fn framing(&self, provider: Provider, interface: Interface) -> Framing {
        match (provider, interface) {
            (Provider::Torchserve, _) => Framing::Body {
                content_type: self.content_type.clone(),
                multipart_field: self.multipart_field.clone(),
            },
            (Provider::TritonGrpc, _) => {
                Framing::Tensors { encoding: TensorEncoding::Protobuf, outputs: self.outputs.clone() }
            }
            (_, Interface::Infer) => {
                // MLServer 1.7 answers 500 to bytes after the JSON.
                let usual = if provider == Provider::Mlserver {
                    TensorEncoding::Json
                } else {
                    TensorEncoding::Binary
                };
                let encoding = self.encoding.unwrap_or(usual);
                Framing::Tensors { encoding, outputs: self.outputs.clone() }
            }
            _ => Framing::Instances,
        }
    }
}
