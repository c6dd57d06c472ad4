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

    use plimsoll_plan::yaml::{self, Node};
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

    /// A file of YAML, as a parser reads it.
    fn document(path: &str) -> Node {
        let file = all().into_iter().find(|file| file.path == path).unwrap();
        yaml::read(&file.text).unwrap_or_else(|error| panic!("{path}: {error}")).remove(0)
    }

    fn texts<'n>(node: &'n Node, path: &[&str]) -> Vec<&'n str> {
        node.at(path).into_iter().flat_map(Node::items).filter_map(Node::text).collect()
    }

    #[test]
    fn images_are_pinned_and_nothing_listens_beyond_this_host() {
        let compose = document("compose.yaml");
        let services = compose.get("services").unwrap().entries();
        assert_eq!(services.len(), 3);
        for (name, service) in services {
            let (_, tag) = service.text_at(&["image"]).unwrap().rsplit_once(':').unwrap();
            assert!(tag.contains('.') && tag != "latest", "{name:?}: {tag}");
            let published = texts(service, &["ports"]);
            assert!(
                published.len() == 1 && published[0].starts_with("127.0.0.1:"),
                "{name:?}: {published:?}"
            );
        }
    }

    #[test]
    fn what_a_service_mounts_is_written_or_declared() {
        let compose = document("compose.yaml");
        let declared: Vec<&str> =
            compose.get("volumes").unwrap().entries().iter().map(|(key, _)| key.name.as_str()).collect();
        let files = all();
        let volumes = compose.get("services").unwrap().entries().iter();
        for volume in volumes.flat_map(|(_, service)| texts(service, &["volumes"])) {
            let (from, _) = volume.split_once(':').unwrap();
            let is_there = match from.strip_prefix("./") {
                Some(own) => files.iter().any(|file| file.path.starts_with(own)),
                None => declared.contains(&from),
            };
            assert!(is_there, "{volume}");
        }
    }

    #[test]
    fn grafana_is_told_of_sources_and_dashboards_that_are_there() {
        let compose = document("compose.yaml");
        let sources = document("grafana/provisioning/datasources/plimsoll.yaml");
        let mut kinds = BTreeSet::new();
        for source in sources.get("datasources").unwrap().items() {
            let url = source.text_at(&["url"]).unwrap();
            let (host, port) = url.trim_start_matches("http://").split_once(':').unwrap();
            let published = texts(&compose, &["services", host, "ports"]);
            assert!(
                published.first().is_some_and(|published| published.ends_with(port)),
                "{url}: {published:?}"
            );
            kinds.insert(source.text_at(&["type"]).unwrap());
        }
        let wanted: BTreeSet<String> = DASHBOARDS
            .map(|dashboard| text(&dashboard.json()["templating"]["list"][0], "query").to_owned())
            .into();
        assert_eq!(kinds, wanted.iter().map(String::as_str).collect());

        let providers = document("grafana/provisioning/dashboards/plimsoll.yaml");
        let provider = &providers.get("providers").unwrap().items()[0];
        let folder = provider.text_at(&["options", "path"]).unwrap();
        let mounts = texts(&compose, &["services", "grafana", "volumes"]);
        assert!(mounts.contains(&format!("./grafana/dashboards:{folder}:ro").as_str()), "{mounts:?}");
    }
}
