//! The colours of charts by name, on light and on dark backgrounds: the same in the HTML page and in SVG.

/// Name, colour on light, colour on dark. Those of lines have a contrast of 4.5 to 1 or more, as names are written in them too.
pub(super) const COLOURS: [(&str, &str, &str); 12] = [
    ("blue", "#0b6ec5", "#62aef7"),
    ("orange", "#bd550b", "#f29a54"),
    ("green", "#1a7f4b", "#5fcb8f"),
    ("red", "#c62828", "#ff7b74"),
    ("purple", "#7b3fb5", "#bd92ee"),
    ("cyan", "#0c7f93", "#4cc3d9"),
    ("pink", "#b83280", "#f08cc0"),
    ("grey", "#6b7684", "#98a4b3"),
    ("card", "#ffffff", "#1a2029"),
    ("text", "#1b2430", "#e6eaf0"),
    ("grid", "#e4e8ed", "#2a323d"),
    ("heat", "#095cad", "#60aaff"),
];
