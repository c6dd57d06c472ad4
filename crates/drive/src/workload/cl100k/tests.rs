//! The bundled vocabulary and the counts beside those of tiktoken-rs, which has both from OpenAI's tiktoken (MIT).

use std::fs;

use proptest::prelude::*;
use tiktoken_rs::cl100k_base_singleton;

use super::*;

/// Tokens that texts are made of; the special ones beyond are not.
const TOKENS: u32 = 100_256;

#[test]
fn the_vocabulary_is_that_of_tiktoken() {
    let encoding = cl100k_base_singleton();
    let mut tokens: Vec<(Vec<u8>, u64)> =
        (0..TOKENS).map(|rank| (encoding.decode_bytes(&[rank]).unwrap(), u64::from(rank))).collect();
    tokens.sort_unstable();
    let vocabulary = Map::from_iter(tokens).unwrap().into_fst().into_inner();
    if std::env::var_os("PLIMSOLL_WRITE_VOCABULARY").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/workload/cl100k/vocabulary.fst"), &vocabulary)
            .unwrap();
    }
    assert!(vocabulary == VOCABULARY, "set PLIMSOLL_WRITE_VOCABULARY, and run this test twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn counts_are_those_of_tiktoken(
        texts in prop::collection::vec(
            "[a-c'sSdlLvVeEſ 0-9\\t\\r\\n\\x0b\\x0c,.(]{0,40}|[ -~]{0,60}|\\PC{0,20}|[\\p{L}\\p{N}\\s'.]{0,20}|[a=]{100,300}", 8
        )
    ) {
        let vocabulary = Vocabulary::bundled().unwrap();
        for text in texts {
            let counted: usize = pieces(&text).map(|piece| vocabulary.count(piece)).sum();
            prop_assert_eq!(counted, cl100k_base_singleton().encode_ordinary(&text).len(), "{:?}", text);
        }
    }
}
