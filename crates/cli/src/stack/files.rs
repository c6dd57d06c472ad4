//! All files of the stack, by their place in its folder.

use plimsoll_core::spec::Secret;

use super::dashboard::Dashboard;
use super::{postgresql, prometheus, test_runs};

const DASHBOARDS: [&Dashboard; 3] = [&prometheus::DASHBOARD, &postgresql::DASHBOARD, &test_runs::DASHBOARD];

/// A file of the stack.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StackFile {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) keeping: Keeping,
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It is written anew.
    Ours,
    /// It is the user's from now on.
    Theirs,
    /// The same, and nobody else may read it.
    Secret,
}

/// Everything but the secrets.
pub(crate) fn all() -> Vec<StackFile> {
    let file =
        |path: &str, text: &str, keeping| StackFile { path: path.to_owned(), text: text.to_owned(), keeping };
    let mut files = vec![
        file("compose.yaml", include_str!("files/compose.yaml"), Keeping::Ours),
        file("prometheus.yml", include_str!("files/prometheus.yml"), Keeping::Ours),
        file("targets/servers.yml", include_str!("files/targets.yml"), Keeping::Theirs),
        file(
            "grafana/provisioning/datasources/plimsoll.yaml",
            include_str!("files/datasources.yaml"),
            Keeping::Ours,
        ),
        file(
            "grafana/provisioning/dashboards/plimsoll.yaml",
            include_str!("files/providers.yaml"),
            Keeping::Ours,
        ),
    ];
    files.extend(DASHBOARDS.map(|dashboard| {
        let path = format!("grafana/dashboards/{}.json", dashboard.uid);
        file(&path, &format!("{:#}\n", dashboard.json()), Keeping::Ours)
    }));
    files
}

/// The files with the passwords: of the services, and of a run that is to write into them.
pub(crate) fn secrets(grafana: &Secret, postgres: &Secret) -> [StackFile; 2] {
    let env = format!("GRAFANA_PASSWORD={}\nPOSTGRES_PASSWORD={}\n", grafana.reveal(), postgres.reveal());
    let run = format!(
        "# For `plimsoll run --config`: writes into the database and the Prometheus of this stack.\n\
         timescale = true\npghost = \"127.0.0.1\"\npgport = 5432\npguser = \"postgres\"\npgpassword = \"{}\"\n\
         grafana-url = \"http://localhost:3000/d/{}\"\n\
         remote-write = \"http://127.0.0.1:9090/api/v1/write\"\n",
        postgres.reveal(),
        postgresql::DASHBOARD.uid,
    );
    let file = |path: &str, text| StackFile { path: path.to_owned(), text, keeping: Keeping::Secret };
    [file(".env", env), file(RUN_FILE, run)]
}

/// The settings of a run that writes into the stack.
pub(crate) const RUN_FILE: &str = "run.toml";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Panel types that Grafana keeps; `graph`, `singlestat` and `table-old` it does not.
    const TYPES: [&str; 5] = ["row", "stat", "timeseries", "table", "heatmap"];

    fn text<'v>(value: &'v Value, key: &str) -> &'v str {
        value[key].as_str().unwrap_or_default()
    }

    #[test]
    fn every_panel_has_what_a_reader_needs_and_a_place_of_its_own() {
        let mut uids = BTreeSet::new();
        for dashboard in DASHBOARDS {
            assert!(uids.insert(dashboard.uid), "{} is there twice", dashboard.uid);
            let json = dashboard.json();
            assert!(!text(&json, "title").is_empty() && text(&json, "description").len() > 40);
            let variables: Vec<&str> =
                json["templating"]["list"].as_array().unwrap().iter().map(|v| text(v, "name")).collect();
            assert_eq!(variables[0], "datasource");
            let (mut ids, mut titles, mut cells) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            for panel in json["panels"].as_array().unwrap() {
                let title = text(panel, "title");
                assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
                assert!(TYPES.contains(&text(panel, "type")), "{title}: {}", panel["type"]);
                let place = &panel["gridPos"];
                let side = |key: &str| place[key].as_u64().unwrap();
                assert!(side("x") + side("w") <= 24, "{title}: {place}");
                for x in side("x")..side("x") + side("w") {
                    for y in side("y")..side("y") + side("h") {
                        assert!(cells.insert((x, y)), "{title} lies upon another panel at {x}, {y}");
                    }
                }
                if panel["type"] == "row" {
                    continue;
                }
                assert!(titles.insert(title), "{title} is there twice");
                assert!(text(panel, "description").len() > 25, "{title} does not say what it tells");
                assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title}");
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
                let targets = panel["targets"].as_array().unwrap();
                let letters: BTreeSet<_> = targets.iter().map(|target| text(target, "refId")).collect();
                assert!(!targets.is_empty() && letters.len() == targets.len(), "{title}");
            }
        }
    }

    #[test]
    fn images_are_pinned_and_nothing_listens_beyond_this_host() {
        let compose = all().into_iter().find(|file| file.path == "compose.yaml").unwrap().text;
        let images: Vec<&str> =
            compose.lines().filter_map(|line| line.trim().strip_prefix("image: ")).collect();
        assert_eq!(images.len(), 3);
        for image in images {
            let (_, tag) = image.rsplit_once(':').unwrap();
            assert!(tag.contains('.') && tag != "latest", "{image}");
        }
        let published: Vec<&str> = compose.lines().filter(|line| line.contains("_PORT:-")).collect();
        assert_eq!(published.len(), 3);
        assert!(published.iter().all(|line| line.trim().starts_with("- \"127.0.0.1:")), "{published:?}");
    }
}
