//! `plimsoll selftest` as a user meets it.

use crate::run::plimsoll;

#[test]
fn a_process_of_the_users_choice_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let args = "selftest arrivals --rate 600 --arrival gamma --cv 2 -n 5000 --seed 3";
    let (code, stdout, stderr) = plimsoll(folder.path(), &args.split(' ').collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("PROVEN") && stdout.contains("cv of the gaps"), "{stdout}");
}

#[test]
fn no_such_process_is_bad_usage() {
    let folder = tempfile::tempdir().unwrap();
    for args in ["selftest arrivals --arrival gamma", "selftest arrivals -n 5", "selftest arrivals --rate 0"]
    {
        let (code, stdout, stderr) = plimsoll(folder.path(), &args.split(' ').collect::<Vec<_>>());
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args}: {stderr}");
    }
}
