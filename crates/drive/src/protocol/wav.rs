//! Synthetic recordings: as large as speech and as hard to compress, without words.

use std::f64::consts::TAU;

use bytes::Bytes;
use plimsoll_core::seed::Seed;
use rand::RngExt;

/// Samples per second: what speech recognisers work with.
const RATE: u32 = 16_000;
/// Bytes before the samples.
const HEAD: u32 = 44;
/// Syllables per second of speech, about.
const SYLLABLES: f64 = 4.0;
/// Harmonics of the voice.
const HARMONICS: u32 = 8;

/// A WAV file of one channel, 16 bits and 16 kHz: 44 bytes and 32,000 per second, `seconds` rounded to whole samples. A
/// voice-like tone that rises and falls in syllables, with some noise. The same seed gives the same bytes. The longest
/// is what a WAV file can hold, 37 hours.
pub(super) fn recording(seconds: f64, seed: Seed) -> Bytes {
    let most = f64::from((u32::MAX - HEAD) / 2);
    let samples = (seconds * f64::from(RATE)).round().clamp(0.0, most) as u32;
    let mut rng = seed.keyed("audio", 0);
    let pitch: f64 = rng.random_range(90.0..220.0);
    let mut bytes = header(samples);
    for index in 0..samples {
        let time = f64::from(index) / f64::from(RATE);
        let syllable = (TAU * SYLLABLES / 2.0 * time).sin().powi(2);
        let tone: f64 =
            (1..=HARMONICS).map(|n| (TAU * pitch * f64::from(n) * time).sin() / f64::from(n)).sum();
        let noise: f64 = rng.random_range(-0.02..0.02);
        let level = (0.25 * syllable * tone + noise).clamp(-1.0, 1.0);
        bytes.extend_from_slice(&((level * f64::from(i16::MAX)) as i16).to_le_bytes());
    }
    Bytes::from(bytes)
}

/// The header of the canonical form: RIFF, `fmt ` of 16 bytes, `data`.
fn header(samples: u32) -> Vec<u8> {
    let data = samples * 2;
    let mut bytes = Vec::with_capacity((HEAD + data) as usize);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(HEAD - 8 + data).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    for number in [16, 1 | 1 << 16, RATE, RATE * 2, 2 | 16 << 16] {
        bytes.extend_from_slice(&u32::to_le_bytes(number)); // PCM and one channel, block size and bits share a word
    }
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_have_the_length_asked_for() {
        for (seconds, samples) in [(0.0, 0), (0.5, 8_000), (1.00001, 16_000), (3.0, 48_000)] {
            let wav = recording(seconds, Seed(1));
            assert_eq!(wav.len() as u32, 44 + 2 * samples, "{seconds}");
            let number = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap());
            assert_eq!(
                (&wav[..4], &wav[8..16], &wav[36..40]),
                (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
            );
            assert_eq!((number(4), number(40)), (36 + 2 * samples, 2 * samples));
            assert_eq!((number(16), number(24), number(28)), (16, 16_000, 32_000));
            assert_eq!(wav[20..24], [1, 0, 1, 0]);
            assert_eq!(wav[32..36], [2, 0, 16, 0]);
        }
    }

    #[test]
    fn recordings_are_loud_enough_and_repeatable() {
        let wav = recording(1.0, Seed(7));
        let samples: Vec<i16> =
            wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((5_000..32_767).contains(&loudest), "{loudest}");
        let changes = samples.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes > 15_000, "{changes}");
        assert_eq!(wav, recording(1.0, Seed(7)));
        assert_ne!(wav, recording(1.0, Seed(8)));
    }
}
