//! The name that somebody who mistyped one most likely meant.

/// The name nearest to an unknown one, if one is near: at most a third of its letters, or two, are wrong.
pub fn nearest<'n>(unknown: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let most = (unknown.chars().count() / 3).max(2);
    let scored = names.map(|name| (strsim::damerau_levenshtein(unknown, name), name));
    let near = scored.filter(|(wrong, name)| *wrong <= most && *wrong < name.len());
    near.min_by_key(|(wrong, name)| (*wrong, name.len().abs_diff(unknown.len()))).map(|(_, name)| name)
}
