//! `plimsoll selftest` as a user meets it.

use crate::program::Place;

#[test]
fn a_process_of_the_users_choice_is_proven() {
    let ended = Place::new().line("selftest arrivals --rate 600 --arrival gamma --cv 2 -n 5000 --seed 3");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("PROVEN") && ended.stdout.contains("cv of the gaps"), "{ended:?}");
}

#[test]
fn no_such_process_is_bad_usage() {
    let place = Place::new();
    for line in ["selftest arrivals --arrival gamma", "selftest arrivals -n 5", "selftest arrivals --rate 0"]
    {
        let ended = place.line(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {ended:?}");
    }
}
