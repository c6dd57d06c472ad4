//! Where images stand in a prompt: one placeholder for each.

use crate::spec::ImagePosition;

/// Stands for an image in a prompt.
pub const IMAGE_PLACEHOLDER: &str = "<image>";

/// Puts `images` placeholders into a text: at its end, or between `images + 1` stretches of equal length in characters.
pub fn place_images(text: &str, images: usize, position: ImagePosition) -> String {
    if position == ImagePosition::End {
        return text.to_owned() + &IMAGE_PLACEHOLDER.repeat(images);
    }
    let characters: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let border = |stretch: usize| characters[stretch * (characters.len() - 1) / (images + 1)];
    let stretches: Vec<&str> = (0..=images).map(|i| &text[border(i)..border(i + 1)]).collect();
    stretches.join(IMAGE_PLACEHOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_split_the_text_evenly_by_characters() {
        for (text, images, evenly, end) in [
            ("abcdef", 0, "abcdef", "abcdef"),
            ("abcdef", 1, "abc<image>def", "abcdef<image>"),
            ("abcdefg", 1, "abc<image>defg", "abcdefg<image>"),
            ("abcdefg", 2, "ab<image>cd<image>efg", "abcdefg<image><image>"),
            ("äöü", 2, "ä<image>ö<image>ü", "äöü<image><image>"),
            ("a", 2, "<image><image>a", "a<image><image>"),
            ("", 1, "<image>", "<image>"),
        ] {
            assert_eq!(place_images(text, images, ImagePosition::SpaceEvenly), evenly);
            assert_eq!(place_images(text, images, ImagePosition::End), end);
        }
    }
}
