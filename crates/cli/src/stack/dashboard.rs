//! What a dashboard is made of, and its JSON as Grafana imports it.

use serde_json::{Value, json};

/// The version of dashboards that is written; newer Grafanas bring it up to date themselves.
const SCHEMA_VERSION: u32 = 41;
/// Columns of a dashboard's grid.
const COLUMNS: u32 = 24;
/// Grafana's own variable for the data source, which is chosen at the top of each dashboard.
const SOURCE: &str = "${datasource}";

/// A dashboard.
pub(super) struct Dashboard {
    /// Its name in links; also that of its file.
    pub(super) uid: &'static str,
    pub(super) title: &'static str,
    pub(super) tells: &'static str,
    pub(super) source: Source,
    /// What can be chosen at its top, beside the data source.
    pub(super) variables: &'static [Variable],
    pub(super) rows: &'static [Row],
}

/// The language of its queries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Prometheus,
    Postgresql,
}

/// A choice whose values a query gives; several of them, or all, can be chosen.
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) query: &'static str,
}

/// Panels under one heading.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: &'static [Panel],
}

/// One panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What a reader learns from it.
    pub(super) tells: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    /// Columns of 24.
    pub(super) width: u32,
    /// Each with the name of its line; an empty one leaves the naming to Grafana.
    pub(super) queries: &'static [(&'static str, &'static str)],
}

/// How a panel looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One number: the last one, or that of the whole range where the query says so.
    Stat,
    Lines,
    /// Lines on top of each other.
    Stacked,
    /// One point for each row.
    Points,
    Table,
    /// A histogram over time.
    Heatmap,
}

/// What the numbers of a panel are, by Grafana's names for them.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    PerSecond,
    RequestsPerSecond,
    BytesPerSecond,
    Bytes,
    /// 0 to 1.
    Share,
    /// 0 to 100.
    Percent,
    Watt,
    Count,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Unit::Seconds => "s",
            Unit::Milliseconds => "ms",
            Unit::PerSecond => "cps",
            Unit::RequestsPerSecond => "reqps",
            Unit::BytesPerSecond => "Bps",
            Unit::Bytes => "bytes",
            Unit::Share => "percentunit",
            Unit::Percent => "percent",
            Unit::Watt => "watt",
            Unit::Count => "short",
        }
    }
}

impl Kind {
    const fn panel_type(self) -> &'static str {
        match self {
            Kind::Stat => "stat",
            Kind::Lines | Kind::Stacked | Kind::Points => "timeseries",
            Kind::Table => "table",
            Kind::Heatmap => "heatmap",
        }
    }

    const fn height(self) -> u32 {
        match self {
            Kind::Stat => 4,
            _ => 8,
        }
    }

    fn options(self) -> Value {
        match self {
            Kind::Stat => json!({
                "colorMode": "none", "graphMode": "area", "textMode": "auto",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Kind::Lines | Kind::Stacked | Kind::Points => json!({
                "legend": {"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": ["mean", "max"]},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Kind::Table => json!({"cellHeight": "sm", "showHeader": true}),
            Kind::Heatmap => json!({
                "calculate": false,
                "cellGap": 1,
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
                "tooltip": {"mode": "single"},
                "yAxis": {"unit": "s"},
            }),
        }
    }

    /// How its lines are drawn.
    fn custom(self) -> Value {
        match self {
            Kind::Lines => {
                json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto"})
            }
            Kind::Stacked => json!({
                "drawStyle": "line", "lineWidth": 1, "fillOpacity": 40, "showPoints": "never",
                "stacking": {"mode": "normal", "group": "A"},
            }),
            Kind::Points => json!({"drawStyle": "points", "pointSize": 4}),
            Kind::Stat | Kind::Table | Kind::Heatmap => json!({}),
        }
    }
}

impl Source {
    const fn plugin(self) -> &'static str {
        match self {
            Source::Prometheus => "prometheus",
            Source::Postgresql => "grafana-postgresql-datasource",
        }
    }

    fn reference(self) -> Value {
        json!({"type": self.plugin(), "uid": SOURCE})
    }

    fn target(self, kind: Kind, index: usize, (legend, query): (&str, &str)) -> Value {
        // A letter for each query of a panel, as Grafana names them.
        let id = char::from(b'A'.saturating_add(u8::try_from(index).unwrap_or(u8::MAX)));
        let at_once = matches!(kind, Kind::Table | Kind::Stat);
        match self {
            Source::Prometheus => json!({
                "refId": id, "datasource": self.reference(), "editorMode": "code", "expr": query,
                "legendFormat": if legend.is_empty() { "__auto" } else { legend },
                "format": match kind { Kind::Table => "table", Kind::Heatmap => "heatmap", _ => "time_series" },
                "instant": at_once, "range": !at_once,
            }),
            Source::Postgresql => json!({
                "refId": id, "datasource": self.reference(), "editorMode": "code", "rawQuery": true,
                "rawSql": query, "format": if at_once { "table" } else { "time_series" },
            }),
        }
    }

    fn variable(self, variable: &Variable) -> Value {
        let query = match self {
            Source::Prometheus => json!({"query": variable.query, "refId": "variable"}),
            Source::Postgresql => json!(variable.query),
        };
        json!({
            "type": "query", "name": variable.name, "label": variable.label, "datasource": self.reference(),
            "query": query, "definition": variable.query, "refresh": 2, "sort": 2, "multi": true,
            "includeAll": true, "current": {"text": ["All"], "value": ["$__all"]},
        })
    }

    /// Where runs begin and end, as lines across all panels.
    fn annotations(self) -> Vec<Value> {
        match self {
            Source::Prometheus => Vec::new(),
            Source::Postgresql => vec![json!({
                "name": "Events", "enable": true, "hide": false, "iconColor": "orange",
                "datasource": self.reference(),
                "rawQuery": "SELECT time, text FROM events WHERE $__timeFilter(time) ORDER BY time",
                "rawSql": "SELECT time, text FROM events WHERE $__timeFilter(time) ORDER BY time",
                "target": {
                    "refId": "Events", "format": "table", "rawQuery": true, "editorMode": "code",
                    "rawSql": "SELECT time, text FROM events WHERE $__timeFilter(time) ORDER BY time",
                },
            })],
        }
    }
}

impl Dashboard {
    /// The dashboard as Grafana imports it.
    pub(super) fn json(&self) -> Value {
        let chosen = json!({
            "type": "datasource", "name": "datasource", "label": "Data source", "query": self.source.plugin(),
            "refresh": 1, "includeAll": false, "multi": false, "current": {},
        });
        let variables: Vec<Value> = std::iter::once(chosen)
            .chain(self.variables.iter().map(|variable| self.source.variable(variable)))
            .collect();
        json!({
            "uid": self.uid, "title": self.title, "description": self.tells, "tags": ["plimsoll"],
            "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": true, "graphTooltip": 1,
            "refresh": "5s", "time": {"from": "now-15m", "to": "now"}, "timezone": "browser",
            "templating": {"list": variables},
            "annotations": {"list": self.source.annotations()},
            "links": [{
                "type": "dashboards", "title": "Plimsoll", "tags": ["plimsoll"], "asDropdown": true,
                "includeVars": false, "keepTime": true, "targetBlank": false, "icon": "external link",
                "tooltip": "", "url": "",
            }],
            "panels": self.panels(),
        })
    }

    /// Rows and panels in reading order, each with an id of its own and a place that no other has.
    fn panels(&self) -> Vec<Value> {
        let mut panels: Vec<Value> = Vec::new();
        let (mut x, mut y) = (0, 0);
        for row in self.rows {
            panels.push(json!({
                "id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            }));
            y += 1;
            let mut height = 0;
            for panel in row.panels {
                if x + panel.width > COLUMNS {
                    (x, y, height) = (0, y + height, 0);
                }
                panels.push(panel.json(self.source, panels.len() + 1, (x, y)));
                x += panel.width;
                height = height.max(panel.kind.height());
            }
            (x, y) = (0, y + height);
        }
        panels
    }
}

impl Panel {
    fn json(&self, source: Source, id: usize, (x, y): (u32, u32)) -> Value {
        let targets: Vec<Value> = self
            .queries
            .iter()
            .enumerate()
            .map(|(index, query)| source.target(self.kind, index, *query))
            .collect();
        json!({
            "id": id, "type": self.kind.panel_type(), "title": self.title, "description": self.tells,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.kind.height()},
            "datasource": source.reference(),
            "fieldConfig": {
                "defaults": {"unit": self.unit.name(), "custom": self.kind.custom(), "mappings": []},
                "overrides": [],
            },
            "options": self.kind.options(),
            "targets": targets,
        })
    }
}
