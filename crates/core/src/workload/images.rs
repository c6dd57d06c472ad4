//! The images of requests that have none of their own.

use std::sync::Arc;

use bytes::Bytes;

use crate::record::RequestId;

/// Images that were made ahead of the run, as `data:` URIs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    /// What a request gets, in turn; each has the same number of images.
    sets: Vec<Arc<[Bytes]>>,
    /// What is known of them, for people.
    note: String,
}

impl Images {
    /// The same images for every request.
    pub fn same(images: Vec<Bytes>) -> Self {
        let sets = if images.is_empty() { Vec::new() } else { vec![images.into()] };
        Images { sets, note: String::new() }
    }

    /// One image for each request, in turn; `note` says what they are.
    pub fn in_turn(images: Vec<Bytes>, note: String) -> Self {
        Images { sets: images.into_iter().map(|image| Arc::from([image])).collect(), note }
    }

    /// The images of a request.
    pub fn of(&self, id: RequestId) -> Arc<[Bytes]> {
        match self.sets.len() as u64 {
            0 => Arc::default(),
            sets => self.sets[(id.0 % sets) as usize].clone(),
        }
    }

    /// How many images a request has, in words; empty for none.
    pub(super) fn describe(&self) -> String {
        match self.sets.first().map_or(0, |set| set.len()) {
            0 => String::new(),
            1 => format!(", 1 image each{}", self.note),
            n => format!(", {n} images each{}", self.note),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_get_their_images_and_share_them() {
        let bytes = |names: &[&'static str]| names.iter().map(|&name| Bytes::from(name)).collect::<Vec<_>>();
        let same = Images::same(bytes(&["a", "b"]));
        assert!(Arc::ptr_eq(&same.of(RequestId(0)), &same.of(RequestId(7))), "shared, not copied");
        assert_eq!((same.of(RequestId(1)).len(), same.describe().as_str()), (2, ", 2 images each"));
        let turn = Images::in_turn(bytes(&["a", "b"]), " of 1 byte".to_owned());
        let seen: Vec<Bytes> = (0..3).map(|id| turn.of(RequestId(id))[0].clone()).collect();
        assert_eq!((seen, turn.describe().as_str()), (bytes(&["a", "b", "a"]), ", 1 image each of 1 byte"));
        assert_eq!(
            (Images::default().of(RequestId(3)).len(), Images::default().describe()),
            (0, String::new())
        );
    }
}
