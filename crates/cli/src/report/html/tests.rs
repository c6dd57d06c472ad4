//! The page is whole, loads nothing, and takes no text from outside for markup.

use serde_json::Value as Json;

use super::*;
use crate::report::fixture;
use crate::report::page::{Material, Seen, Setting, run};
use crate::report::picture::svg;

/// What a server or a user might say to become a part of the page.
const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"' & <!--";

/// A run that says it wherever it can.
fn hostile() -> Material {
    let mut summary = fixture::judged();
    summary.run.model = HOSTILE.to_owned();
    summary.run.target = format!("http://host/{HOSTILE}");
    summary.run.name = HOSTILE.to_owned();
    summary.errors[0].example = HOSTILE.to_owned();
    summary.warnings.push(HOSTILE.to_owned());
    summary.validity.reasons.push(HOSTILE.to_owned());
    summary.run.stopped_by = Some(HOSTILE.to_owned());
    let [option, value, source] = [HOSTILE; 3].map(str::to_owned);
    let settings = vec![Setting { option, value, source }];
    Material { summary, settings, folder: HOSTILE.to_owned(), seen: Some(seen()), ..Material::default() }
}

/// A few requests, so that there is a chart.
fn seen() -> Seen {
    use plimsoll_core::record::{Outcome, Phase, Record, RequestId};
    use plimsoll_core::time::Offset;
    let mut seen = Seen::new(20, 20);
    for number in 0..20 {
        let at = Offset::from_secs_f64(number as f64);
        let mut record = Record::due(RequestId(number), Phase::Measure, 0, at);
        (record.sent, record.outcome) = (Some(at), Outcome::Ok);
        record.done = Some(Offset::from_secs_f64(number as f64 + 0.1 * (1 + number % 3) as f64));
        seen.add(&record);
    }
    seen
}

fn rendered(material: &Material) -> String {
    render(&run(material), &json(material)).unwrap()
}

fn json(material: &Material) -> String {
    serde_json::to_string_pretty(&material.summary).unwrap()
}

/// The tags of a document with their attributes, in order, without what stands in scripts and styles.
fn tags(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag that has an end");
        let tag = &rest[start + 1..end];
        assert!(!tag.contains('<'), "a tag within a tag: {tag}");
        found.push(tag.to_owned());
        rest = &rest[end + 1..];
        let name = tag.split_whitespace().next().unwrap_or_default();
        if ["script", "style"].contains(&name) {
            let close = rest.find(&format!("</{name}>")).expect("a script that has an end");
            rest = &rest[close..];
        }
    }
    found
}

/// Checks that every element that is opened is closed, in order.
fn assert_well_formed(html: &str) {
    const VOID: [&str; 3] = ["meta", "br", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    for tag in tags(html) {
        let name = tag.split_whitespace().next().unwrap_or_default().trim_end_matches('/').to_owned();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "{open:?}");
        } else if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

/// The content of the script element with this id.
fn data(html: &str, id: &str) -> Json {
    let start = html.find(&format!("id=\"{id}\">")).unwrap() + id.len() + 6;
    let end = start + html[start..].find("</script>").unwrap();
    serde_json::from_str(&html[start..end]).unwrap()
}

#[test]
fn a_page_is_well_formed_whatever_was_said() {
    let html = rendered(&hostile());
    assert_well_formed(&html);
    let elements = tags(&html);
    assert_eq!(elements.iter().filter(|tag| tag.starts_with("script")).count(), 4);
    assert!(!elements.iter().any(|tag| tag.starts_with("img") || tag.contains("onerror")), "{elements:?}");
    assert!(
        !html.contains("alert(1)</script>") && html.contains("&lt;script&gt;alert(1)"),
        "nothing is left out"
    );
    assert_well_formed(&rendered(&Material::default()));
}

#[test]
fn no_end_of_a_line_parts_a_number() {
    for (text, expected) in [
        ("0 of 4 340 over", "0 of 4\u{a0}340 over"),
        ("1 234 567", "1\u{a0}234\u{a0}567"),
        ("of 123, 12 3456, a 123 b", "of 123, 12 3456, a 123 b"),
        (" 123", " 123"),
    ] {
        assert_eq!(unbroken(text), expected);
    }
}

#[test]
fn a_page_loads_nothing() {
    let html = rendered(&hostile());
    for tag in tags(&html) {
        let loads = ["src=", "srcset=", "href=", "action=", "data="];
        let loading = loads.iter().find(|name| tag.contains(&format!(" {name}")));
        assert!(loading.is_none() || tag.contains(" href=\"#"), "{tag}");
    }
    for banned in
        ["@import", "url(", "fetch(", "XMLHttpRequest", "import(", "WebSocket", "sendBeacon", "eval("]
    {
        assert!(!STYLE.contains(banned) && !SCRIPT.contains(banned), "{banned}");
        assert!(!LIBRARY_STYLE.contains(banned) && !LIBRARY.contains(banned), "{banned}");
    }
    assert!(
        html.contains(
            "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\""
        )
    );
}

#[test]
fn a_page_has_its_data_for_programs() {
    let material = hostile();
    let html = rendered(&material);
    assert_eq!(data(&html, "result"), serde_json::from_str::<Json>(&json(&material)).unwrap());
    let charts = data(&html, "charts");
    let ids: Vec<&str> =
        charts.as_array().unwrap().iter().map(|chart| chart["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["percentiles"]);
    assert!(html.contains("data-chart=\"percentiles\""));
}

#[test]
fn a_chart_as_svg_is_well_formed_and_reads_well() {
    let mut page = run(&hostile());
    page.title = HOSTILE.to_owned();
    let mut chart = page.charts().next().unwrap().clone();
    let plain = svg::render(&[&chart]);
    insta::assert_snapshot!(plain);
    (chart.title, chart.x.label) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    chart.lines[0].label = HOSTILE.to_owned();
    assert_well_formed(&svg::render(&[&chart, &chart]));
}

#[test]
fn the_chart_library_is_the_one_that_its_readme_names() {
    let readme = include_str!("uplot/README.md");
    assert!(LIBRARY.contains("(v1.6.32)") && readme.starts_with("uPlot 1.6.32"), "{readme}");
    assert!(include_str!("uplot/LICENSE").starts_with("The MIT License"));
}

/// A colour as shares of red, green and blue.
type Rgb = [f64; 3];

fn rgb(hex: &str) -> Rgb {
    [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0)
}

/// The colour called `name` on light or on dark, from the palette or from the style.
fn named(name: &str, is_dark: bool) -> Rgb {
    let pick = |light: &str, dark: &str| rgb(if is_dark { dark } else { light });
    if let Some((_, light, dark)) = COLOURS.iter().find(|(known, ..)| *known == name) {
        return pick(light, dark);
    }
    let (_, rest) = STYLE.split_once(&format!("--{name}: light-dark(")).expect(name);
    let (light, dark) = rest.split_once(')').unwrap().0.split_once(", ").unwrap();
    pick(light, dark)
}

/// `share` of a colour above another one.
fn mixed(above: Rgb, below: Rgb, share: f64) -> Rgb {
    [0, 1, 2].map(|part| above[part] * share + below[part] * (1.0 - share))
}

/// The contrast ratio of the Web Content Accessibility Guidelines 2.2, from 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let luminance = |colour: Rgb| {
        let [red, green, blue] = colour
            .map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn texts_have_a_contrast_of_four_and_a_half_and_marks_of_three_on_light_and_on_dark() {
    const TEXT: f64 = 4.5;
    const MARK: f64 = 3.0;
    let mut pairs = Vec::new();
    for ground in ["back", "card", "plain-back"] {
        pairs.extend(["text", "muted", "link"].map(|ink| (ink, ground.to_owned(), TEXT)));
    }
    pairs.extend(["good", "bad", "doubt", "plain"].map(|tone| (tone, format!("{tone}-back"), TEXT)));
    // Names are written in the colours of lines.
    pairs.extend(COLOURS[..8].iter().map(|(line, ..)| (*line, "card".to_owned(), TEXT)));
    pairs.extend(["green", "red", "orange", "grey"].map(|edge| (edge, "back".to_owned(), MARK)));
    for is_dark in [false, true] {
        let colour = |name: &str| named(name, is_dark);
        for (ink, ground, least) in &pairs {
            let found = contrast(colour(ink), colour(ground));
            assert!(found >= *least, "{ink} on {ground}, dark {is_dark}: {found:.2}");
        }
        // The strongest shade of a table, in the row that is pointed at.
        assert!(STYLE.contains("calc(5% + 41% * var(--shade))"));
        let found = contrast(colour("text"), mixed(colour("heat"), colour("plain-back"), 0.46));
        assert!(found >= TEXT, "a shaded cell, dark {is_dark}: {found:.2}");
        for (tone, ..) in &COLOURS[..8] {
            let found = contrast(colour("text"), mixed(colour(tone), colour("card"), 0.12));
            assert!(found >= TEXT, "the name of a stretch in {tone}, dark {is_dark}: {found:.2}");
        }
    }
}
