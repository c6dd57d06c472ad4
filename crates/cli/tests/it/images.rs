//! Synthetic images of a size: in chats, as payloads of TorchServe, and as bodies or fields of requests of the user's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::record::Outcome;

use crate::program::{Ended, Place};
use crate::servers::{remembering, response};

/// The images of a run of `line`, which `image_in` finds in head and body of its requests. Every request must have been
/// answered, and have been measured by what the server received.
fn images_of(
    line: &str,
    answer: &'static str,
    image_in: impl Fn(&str, &[u8]) -> Vec<u8>,
) -> (Vec<Vec<u8>>, Ended) {
    let (url, seen) = remembering(move |_| response("200 OK", "application/json", answer));
    let place = Place::new();
    let ended = place.line(&format!("run {url} {line} -u 1 --seed 4 --no-progress"));
    let (records, seen) = (place.records(), seen.lock().unwrap());
    assert!(records.iter().all(|record| record.outcome == Outcome::Ok), "{ended:?}");
    assert_eq!(records.len(), seen.len(), "{ended:?}");
    for (record, (head, body)) in records.iter().zip(seen.iter()) {
        assert_eq!(record.bytes_sent, (head.len() + body.len()) as u64, "{head}");
    }
    (seen.iter().map(|(head, body)| image_in(head, body)).collect(), ended)
}

fn sizes(images: &[Vec<u8>]) -> Vec<usize> {
    for image in images {
        assert!(image.starts_with(&[0xff, 0xd8]) && image.ends_with(&[0xff, 0xd9]), "a whole JPEG");
    }
    images.iter().map(Vec::len).collect()
}

const CHAT: &str = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"length"}],
                       "usage":{"prompt_tokens":9,"completion_tokens":1}}"#;

#[test]
fn a_prompt_has_an_image_of_its_size() {
    let of_chat = |_: &str, body: &[u8]| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let parts = body["messages"][0]["content"].as_array().unwrap().clone();
        let uri = parts.iter().find_map(|part| part["image_url"]["url"].as_str()).unwrap();
        STANDARD.decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap()
    };
    let line = "--provider openai -m m --no-stream -o 1 -p 32 --max-requests 3";
    let (images, ended) = images_of(&format!("{line} --image-bytes 10kB"), CHAT, of_chat);
    assert_eq!(sizes(&images), [10_000; 3], "{ended:?}");
    assert_ne!(images[0], images[1]);
    assert!(ended.stderr.contains("1 image each of 10000 bytes (8 in turn)"), "{ended:?}");

    let shape = "--image-bytes 4KiB --image-bytes-distribution uniform --image-bytes-range 0.5 --image-bytes-max 5000";
    let (images, ended) = images_of(&format!("{line} {shape}"), CHAT, of_chat);
    let drawn = sizes(&images);
    assert!(drawn.iter().all(|size| (2048..=5000).contains(size)), "{drawn:?}: {ended:?}");
    assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2], "{drawn:?}");
    assert_eq!(
        images,
        images_of(&format!("{line} {shape}"), CHAT, of_chat).0,
        "the same seed, the same bytes"
    );
}

#[test]
fn an_image_is_a_body_or_a_field_of_a_form() {
    let of_body = |head: &str, body: &[u8]| {
        assert!(head.contains("Content-Type: image/jpeg\r\n"), "{head}");
        body.to_vec()
    };
    let of_form = |_: &str, body: &[u8]| {
        let place = |part: &[u8]| body.windows(part.len()).position(|window| window == part).unwrap();
        let head = String::from_utf8(body[..place(b"\r\n\r\n")].to_vec()).unwrap();
        assert!(
            head.contains("name=\"image\"; filename=\"image.jpg\"\r\nContent-Type: image/jpeg"),
            "{head}"
        );
        body[place(b"\r\n\r\n") + 4..place(b"\r\n--plimsoll-")].to_vec()
    };
    for target in ["--provider torchserve -m densenet", "--path /classify"] {
        let line = format!("{target} --image-bytes 5kB --max-requests 2");
        assert_eq!(sizes(&images_of(&line, "[1]", of_body).0), [5_000; 2], "{target}");
        let form = format!("{line} --multipart-field image");
        assert_eq!(sizes(&images_of(&form, "[1]", of_form).0), [5_000; 2], "{target}");
    }
}

#[test]
fn what_means_nothing_is_refused() {
    let (url, seen) = remembering(|_| response("200 OK", "application/json", CHAT));
    for (line, excerpt) in [
        ("--provider openai --image-bytes 100", "an image of 100 bytes cannot be made"),
        ("--provider openai --image-bytes 5GiB", "give less than 4GiB"),
        ("--provider openai --image-bytes 5kB --image-bytes-min 9kB --image-bytes-max 8kB", "swap them"),
        ("--provider openai --image-bytes 5kB --image-bytes-max 4kB", "hardly any image"),
        ("--provider openai --image-bytes-max 4kB", "add --image-bytes SIZE"),
        ("--provider openai --no-chat --image-bytes 5kB", "images in chats only"),
        ("--provider openai --image-bytes 5kB --prompt-images-with-resolutions 8x8", "give one of them"),
        ("--provider torchserve --image-bytes 5kB --input-data [1]", "give one of them"),
        ("--provider torchserve --image-bytes 5kB --shape 16", "--shape is for values"),
        ("--provider triton --image-bytes 5kB", "means nothing to triton"),
        ("--path / --image-bytes 5kB --body a", "give one of them"),
    ] {
        let ended = Place::new().line(&format!("run {url} -m m --max-requests 1 {line}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.stderr.contains(excerpt), "{line}: {ended:?}");
    }
    assert!(seen.lock().unwrap().is_empty());
}
