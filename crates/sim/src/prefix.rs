//! What an engine knows of a prompt without a tokenizer: how long it is, and which other prompts begin like it.

use std::sync::Arc;

/// Bytes of text that count as one token.
pub const TOKEN_BYTES: usize = 4;
/// Tokens of one block of the KV cache, as far as prompts are compared.
pub const BLOCK_TOKENS: usize = 16;
/// Bytes of one block.
const BLOCK_BYTES: usize = BLOCK_TOKENS * TOKEN_BYTES;

/// The tokens of a text: four bytes are one, a rest is one.
pub fn text_tokens(text: &[u8]) -> usize {
    text.len().div_ceil(TOKEN_BYTES)
}

/// The hashes of the full blocks (64 bytes, 16 tokens) of a prompt that is these texts one after the other. Each is
/// chained to those before it: two prompts have as many equal hashes at the front as they have equal blocks there.
///
/// A token id counts as a text of [`TOKEN_BYTES`] bytes, so that the hashes never cover more tokens than the prompt has.
pub fn block_hashes<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Arc<[u64]> {
    let mut hashes = Vec::new();
    let mut block = [0; BLOCK_BYTES];
    let mut filled = 0;
    let mut chain = 0;
    for mut text in texts {
        while !text.is_empty() {
            let taken = text.len().min(BLOCK_BYTES - filled);
            let (head, rest) = text.split_at(taken);
            block[filled..filled + taken].copy_from_slice(head);
            filled += taken;
            text = rest;
            if filled == BLOCK_BYTES {
                chain = hash(chain, &block);
                hashes.push(chain);
                filled = 0;
            }
        }
    }
    hashes.into()
}

/// The hashes of larger blocks, of `block_size` tokens: as each stands for all before it, some of them are enough. Sizes
/// that are no multiple of [`BLOCK_TOKENS`] are rounded down to one.
pub fn of_blocks(hashes: &Arc<[u64]>, block_size: u32) -> Arc<[u64]> {
    match block_size as usize / BLOCK_TOKENS {
        0 | 1 => Arc::clone(hashes),
        count => hashes.iter().skip(count - 1).step_by(count).copied().collect(),
    }
}

/// The hash of a block after others: each word is folded in by a multiplication with the golden ratio and a rotation,
/// and the bits are mixed at the end as SplitMix64 does (Steele, Lea and Flood, 2014).
fn hash(chain: u64, block: &[u8; BLOCK_BYTES]) -> u64 {
    let mut hash = chain ^ 0x9e37_79b9_7f4a_7c15;
    for word in block.as_chunks::<8>().0 {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shared(one: &[u8], other: &[u8]) -> usize {
        let (one, other) = (block_hashes([one]), block_hashes([other]));
        one.iter().zip(other.iter()).take_while(|(one, other)| one == other).count()
    }

    #[test]
    fn only_full_blocks_have_hashes() {
        for (length, tokens, blocks) in [(0, 0, 0), (1, 1, 0), (63, 16, 0), (64, 16, 1), (129, 33, 2)] {
            let text = vec![b'x'; length];
            assert_eq!((text_tokens(&text), block_hashes([&text[..]]).len()), (tokens, blocks), "{length}");
        }
    }

    #[test]
    fn prompts_share_what_they_have_in_front_and_nothing_behind_a_difference() {
        let text: Vec<u8> = (0..640_u32).map(|place| (place % 251) as u8).collect();
        assert_eq!(shared(&text, &text), 10);
        for changed in [0, 63, 64, 200, 639] {
            let mut other = text.clone();
            other[changed] ^= 1;
            assert_eq!(shared(&text, &other), changed / 64, "{changed}");
        }
    }

    #[test]
    fn blocks_run_across_the_pieces_of_a_prompt() {
        let text: Vec<u8> = (0..500_u32).map(|place| (place % 13) as u8).collect();
        let pieces = text.split_at(37);
        assert_eq!(block_hashes([&text[..]]), block_hashes([pieces.0, &[], pieces.1]));
    }

    #[test]
    fn larger_blocks_have_the_hash_of_their_last_part() {
        let hashes = block_hashes([&[b'x'; 64 * 5][..]]);
        assert_eq!(of_blocks(&hashes, 16), hashes);
        assert_eq!(*of_blocks(&hashes, 32), [hashes[1], hashes[3]]);
        assert!(of_blocks(&hashes, 96).is_empty());
    }

    #[test]
    fn equal_blocks_at_different_places_differ() {
        let hashes = block_hashes([&[b' '; 64 * 1000][..]]);
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), 1000);
    }
}
