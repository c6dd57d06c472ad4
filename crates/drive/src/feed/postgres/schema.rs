//! The tables of locust-plugins: made where they are missing, checked where they are not.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::settings::PostgresError;

/// Keeps two runs that start together from making the same table. Any number that nobody else uses will do.
const LOCK: i64 = 0x706c_696d_736f_6c6c;

/// A column: name, type, and whether it is never empty.
struct Column(&'static str, Kind, bool);

/// Types of columns. A binary COPY takes no other that would do as well.
#[derive(Clone, Copy)]
enum Kind {
    Time,
    Text,
    /// A text of at most so many characters.
    Short(usize),
    Small,
    Integer,
    Float,
    Numeric,
    Json,
}

/// A table with its indices.
struct Table {
    name: &'static str,
    columns: &'static [Column],
    /// What is added to its definition.
    constraint: &'static str,
    indices: &'static [(&'static str, &'static str)],
    /// The column of time of a table that Timescale cuts into chunks.
    hypertable: Option<&'static str>,
}

const TABLES: [Table; 4] = [
    Table {
        name: "request",
        columns: &[
            Column("time", Kind::Time, true),
            Column("run_id", Kind::Time, true),
            Column("exception", Kind::Text, false),
            Column("greenlet_id", Kind::Integer, true),
            Column("loadgen", Kind::Text, true),
            Column("name", Kind::Text, true),
            Column("request_type", Kind::Text, true),
            Column("response_length", Kind::Integer, false),
            Column("response_time", Kind::Float, false),
            Column("success", Kind::Small, true),
            Column("testplan", Kind::Short(255), true),
            Column("pid", Kind::Integer, false),
            Column("context", Kind::Json, false),
            Column("url", Kind::Short(255), false),
        ],
        constraint: "",
        indices: &[("request_time_idx", "time DESC"), ("run_id_idx", "run_id")],
        hypertable: Some("time"),
    },
    Table {
        name: "testrun",
        columns: &[
            Column("id", Kind::Time, true),
            Column("testplan", Kind::Text, true),
            Column("profile_name", Kind::Text, false),
            Column("num_clients", Kind::Integer, true),
            Column("rps", Kind::Float, false),
            Column("description", Kind::Text, false),
            Column("end_time", Kind::Time, false),
            Column("env", Kind::Short(10), true),
            Column("username", Kind::Short(64), false),
            Column("gitrepo", Kind::Short(120), false),
            Column("rps_avg", Kind::Numeric, false),
            Column("resp_time_avg", Kind::Numeric, false),
            Column("changeset_guid", Kind::Short(36), false),
            Column("fail_ratio", Kind::Float, false),
            Column("requests", Kind::Integer, false),
            Column("arguments", Kind::Text, false),
            Column("exit_code", Kind::Integer, false),
        ],
        constraint: ", PRIMARY KEY (id)",
        indices: &[("testrun_id_idx", "id DESC")],
        hypertable: None,
    },
    Table {
        name: "user_count",
        columns: &[
            Column("testplan", Kind::Short(255), true),
            Column("user_count", Kind::Integer, true),
            Column("time", Kind::Time, true),
            Column("run_id", Kind::Time, false),
        ],
        constraint: "",
        indices: &[("user_count_time_idx", "time DESC")],
        hypertable: None,
    },
    Table {
        name: "events",
        columns: &[Column("time", Kind::Time, true), Column("text", Kind::Text, true)],
        constraint: "",
        indices: &[],
        hypertable: None,
    },
];

/// Makes the tables that are missing, and finds out whether those that are there can take a run of this plan.
pub(super) async fn prepare(client: &mut Client, plan: &str) -> Result<(), PostgresError> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let timescale = "SELECT count(*) > 0 FROM pg_extension WHERE extname = 'timescaledb'";
    let timescale: bool = transaction.query_one(timescale, &[]).await?.get(0);
    for table in &TABLES {
        let found = transaction.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&table.name]).await?;
        if !found.get::<_, bool>(0) {
            transaction.batch_execute(&table.definition(timescale)).await?;
        }
    }
    transaction.commit().await?;
    for table in &TABLES {
        table.check(client, plan).await?;
    }
    Ok(())
}

impl Kind {
    fn sql(self) -> String {
        match self {
            Kind::Time => "timestamptz".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Short(most) => format!("varchar({most})"),
            Kind::Small => "smallint".to_owned(),
            Kind::Integer => "integer".to_owned(),
            Kind::Float => "double precision".to_owned(),
            Kind::Numeric => "numeric".to_owned(),
            Kind::Json => "jsonb".to_owned(),
        }
    }

    fn takes(self, found: &Type) -> bool {
        match self {
            Kind::Time => *found == Type::TIMESTAMPTZ,
            Kind::Text | Kind::Short(_) => *found == Type::TEXT || *found == Type::VARCHAR,
            Kind::Small => *found == Type::INT2,
            Kind::Integer => *found == Type::INT4,
            Kind::Float => *found == Type::FLOAT8,
            Kind::Numeric => *found == Type::NUMERIC || *found == Type::FLOAT8,
            Kind::Json => *found == Type::JSONB,
        }
    }
}

impl Table {
    /// The statements that make it.
    fn definition(&self, timescale: bool) -> String {
        let column = |Column(name, kind, full): &Column| {
            let full = if *full { " NOT NULL" } else { "" };
            format!("\"{name}\" {}{full}", kind.sql())
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let mut text = format!("CREATE TABLE {} ({}{});\n", self.name, columns.join(", "), self.constraint);
        if let Some(time) = self.hypertable.filter(|_| timescale) {
            text += &format!("SELECT create_hypertable('{}', '{time}');\n", self.name);
        }
        // Timescale has made the index of time itself.
        for (index, of) in self.indices {
            text += &format!("CREATE INDEX IF NOT EXISTS {index} ON {} ({of});\n", self.name);
        }
        text
    }

    /// Whether it has the columns that are written, in the types that are written.
    async fn check(&self, client: &Client, plan: &str) -> Result<(), PostgresError> {
        let refuse = |text: String| {
            PostgresError::Schema(format!(
                "the table {} is not that of locust-plugins ({text}): name another database, or another schema with \
                 `ALTER USER … SET search_path`",
                self.name
            ))
        };
        let statement = client.prepare(&format!("SELECT * FROM {} LIMIT 0", self.name)).await?;
        for Column(name, kind, _) in self.columns {
            let found = statement.columns().iter().find(|column| column.name() == *name);
            let Some(found) = found else { return Err(refuse(format!("it lacks {name}"))) };
            if !kind.takes(found.type_()) {
                return Err(refuse(format!("{name} is {}, not {}", found.type_(), kind.sql())));
            }
        }
        self.check_plan(client, plan).await
    }

    /// Whether the name of the plan fits: in old databases it has 30 characters.
    async fn check_plan(&self, client: &Client, plan: &str) -> Result<(), PostgresError> {
        let length = "SELECT atttypmod - 4 FROM pg_attribute \
                      WHERE attrelid = to_regclass($1::text) AND attname = 'testplan' AND atttypmod > 0";
        let Some(row) = client.query_opt(length, &[&self.name]).await? else { return Ok(()) };
        let most: i32 = row.get(0);
        if plan.chars().count() > usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(PostgresError::Schema(format!(
                "the name of the plan, `{plan}`, is longer than the {most} characters of {}.testplan: choose a shorter \
                 one with --override-plan-name",
                self.name
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_made_as_locust_plugins_makes_them() {
        let plain: Vec<String> = TABLES.iter().map(|table| table.definition(false)).collect();
        insta::assert_snapshot!(plain.join("\n"));
        let cut = TABLES[0].definition(true);
        assert!(cut.contains("SELECT create_hypertable('request', 'time');"), "{cut}");
        assert!(TABLES[1..].iter().all(|table| table.definition(true) == table.definition(false)));
    }
}
