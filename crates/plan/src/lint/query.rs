//! As much of PromQL as it takes to say whether a query gives one series, and what it reads.
//!
//! Own code: a full parser of PromQL costs more to compile than all of this crate, and types are what is asked here.
//! A query that it cannot read is left alone.

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Number,
    /// A metric, with or without labels and range.
    Selector(String),
    /// A function or an aggregation; `grouped` if it keeps a series for each of some labels.
    Call {
        name: String,
        args: Vec<Expr>,
        grouped: bool,
    },
    /// Two expressions, and what stands between.
    Both {
        left: Box<Expr>,
        operator: String,
        right: Box<Expr>,
    },
}

const AGGREGATIONS: [&str; 12] = [
    "sum",
    "max",
    "min",
    "avg",
    "count",
    "stddev",
    "stdvar",
    "group",
    "quantile",
    "topk",
    "bottomk",
    "count_values",
];

/// Functions that take how much a counter grew.
const GROWTH: [&str; 5] = ["rate", "irate", "increase", "resets", "idelta"];

const DEEPEST: usize = 50;

/// Reads a query; nothing if it cannot be read.
pub(super) fn parse(query: &str) -> Option<Expr> {
    let mut reader = Reader { rest: query.trim(), depth: 0 };
    let expr = reader.expression()?;
    reader.rest.trim().is_empty().then_some(expr)
}

impl Expr {
    /// Whether it gives one series at most, whatever there is.
    pub(super) fn is_single(&self) -> bool {
        match self {
            Expr::Number => true,
            Expr::Selector(_) => false,
            Expr::Call { name, grouped, .. } if AGGREGATIONS.contains(&name.as_str()) => {
                !grouped && !["topk", "bottomk", "count_values"].contains(&name.as_str())
            }
            Expr::Call { name, args, .. } => {
                ["scalar", "time", "vector", "absent"].contains(&name.as_str())
                    || args.iter().all(Expr::is_single)
            }
            Expr::Both { left, operator, right } => match operator.as_str() {
                "and" | "unless" => left.is_single(),
                _ => left.is_single() && right.is_single(),
            },
        }
    }

    /// The metrics that it reads, each with whether it is read by how much it grew.
    pub(super) fn metrics(&self) -> Vec<(&str, bool)> {
        let mut found = Vec::new();
        self.gather(false, &mut found);
        found
    }

    fn gather<'a>(&'a self, grown: bool, found: &mut Vec<(&'a str, bool)>) {
        match self {
            Expr::Number => {}
            Expr::Selector(name) => found.push((name, grown)),
            Expr::Call { name, args, .. } => {
                let grown = grown || GROWTH.contains(&name.as_str());
                args.iter().for_each(|arg| arg.gather(grown, found));
            }
            Expr::Both { left, right, .. } => {
                left.gather(grown, found);
                right.gather(grown, found);
            }
        }
    }

    /// Whether it calls `function` anywhere.
    pub(super) fn calls(&self, function: &str) -> bool {
        match self {
            Expr::Number | Expr::Selector(_) => false,
            Expr::Call { name, args, .. } => name == function || args.iter().any(|arg| arg.calls(function)),
            Expr::Both { left, right, .. } => left.calls(function) || right.calls(function),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn expression(&mut self) -> Option<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = self.term()?;
        while let Some(operator) = self.operator() {
            self.eat_word("bool");
            for matching in ["on", "ignoring", "group_left", "group_right"] {
                if self.eat_word(matching) {
                    self.labels();
                }
            }
            let right = self.term()?;
            left = Expr::Both { left: Box::new(left), operator, right: Box::new(right) };
        }
        self.depth -= 1;
        Some(left)
    }

    fn term(&mut self) -> Option<Expr> {
        self.skip();
        while self.eat("-") || self.eat("+") {}
        if self.eat("(") {
            let inner = self.expression()?;
            return self.eat(")").then_some(inner).and_then(|inner| self.range(inner));
        }
        if self.rest.starts_with('{') {
            let name = named(self.braces()?);
            return self.range(Expr::Selector(name));
        }
        if self.rest.starts_with('"') {
            self.quoted()?;
            return Some(Expr::Number); // an argument that is a text: no series
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            self.take(|c| c.is_ascii_alphanumeric() || c == '.');
            return Some(Expr::Number);
        }
        let name = self.take(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if name.is_empty() {
            return None;
        }
        if AGGREGATIONS.contains(&name.as_str()) {
            return self.aggregation(name);
        }
        if self.eat("(") {
            let args = self.arguments()?;
            return self.range(Expr::Call { name, args, grouped: false });
        }
        if self.rest.trim_start().starts_with('{') {
            self.skip();
            self.braces()?;
        }
        self.range(Expr::Selector(name))
    }

    fn aggregation(&mut self, name: String) -> Option<Expr> {
        let before = self.grouping();
        if !self.eat("(") {
            return None;
        }
        let args = self.arguments()?;
        let grouped = before || self.grouping();
        self.range(Expr::Call { name, args, grouped })
    }

    /// `by (…)` with labels, or `without (…)`.
    fn grouping(&mut self) -> bool {
        if self.eat_word("by") {
            self.labels()
        } else {
            self.eat_word("without") && {
                self.labels();
                true
            }
        }
    }

    /// Whether there is a label in the parentheses.
    fn labels(&mut self) -> bool {
        if !self.eat("(") {
            return false;
        }
        let inside = self.take(|c| c != ')');
        self.eat(")");
        !inside.trim().is_empty()
    }

    fn arguments(&mut self) -> Option<Vec<Expr>> {
        let mut args = Vec::new();
        while !self.eat(")") {
            args.push(self.expression()?);
            if !self.eat(",") && !self.rest.trim_start().starts_with(')') {
                return None;
            }
        }
        Some(args)
    }

    /// What may follow: `[1m]`, `[1h:1m]`, `offset 5m`.
    fn range(&mut self, inner: Expr) -> Option<Expr> {
        if self.eat("[") {
            self.take(|c| c != ']');
            if !self.eat("]") {
                return None;
            }
        }
        if self.eat_word("offset") {
            self.skip();
            self.take(|c| c.is_ascii_alphanumeric() || c == '-');
        }
        Some(inner)
    }

    fn operator(&mut self) -> Option<String> {
        self.skip();
        for operator in ["==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "^", "<", ">"] {
            if self.eat(operator) {
                return Some(operator.to_owned());
            }
        }
        ["and", "or", "unless"].into_iter().find(|word| self.eat_word(word)).map(str::to_owned)
    }

    /// `{…}` with its braces; texts inside may have braces too.
    fn braces(&mut self) -> Option<&str> {
        let (mut quoted, mut escaped) = (None, false);
        for (at, c) in self.rest.char_indices() {
            match (quoted, c) {
                _ if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(quote), c) if c == quote => quoted = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quoted = Some(c),
                (None, '}') => {
                    let (inside, rest) = self.rest.split_at(at + 1);
                    self.rest = rest;
                    return Some(inside);
                }
                (None, _) => {}
            }
        }
        None
    }

    fn quoted(&mut self) -> Option<()> {
        let end = self.rest[1..].find('"')?;
        self.rest = &self.rest[end + 2..];
        Some(())
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.to_owned()
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// The metric of `{__name__="…"}`.
fn named(braces: &str) -> String {
    let after = braces.split("__name__").nth(1).unwrap_or_default();
    after.split('"').nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_series_or_many() {
        for (query, single) in [
            (
                r#"sum(vllm:num_requests_running{namespace="a"}) + sum(vllm:num_requests_waiting{namespace="a"})"#,
                true,
            ),
            ("vllm:num_requests_waiting", false),
            (r#"vllm:num_requests_waiting{pod=~"a}b"}"#, false),
            ("sum by (pod) (x)", false),
            ("sum(x) by (pod)", false),
            ("sum by () (x)", true),
            ("max(x) without (pod)", false),
            ("sum(rate(x_total[1m]))", true),
            ("rate(x_total[1m])", false),
            ("histogram_quantile(0.99, sum(rate(x_bucket[1m])) by (le))", false),
            ("avg_over_time(sum(x)[5m:15s])", true),
            ("scalar(x)", true),
            ("sum(x) or vector(0)", true),
            ("sum(x) and on() y", true),
            ("x / on(pod) group_left(a) y", false),
            ("(sum(x) + 1) * sum(y offset 5m)", true),
            ("topk(1, x)", false),
            ("clamp_min(sum(x), 0)", true),
            ("label_replace(x, \"a\", \"b\", \"c\", \"d\")", false),
            (r#"count({__name__="a"})"#, true),
        ] {
            assert_eq!(parse(query).map(|expr| expr.is_single()), Some(single), "{query}");
        }
        for query in ["", "sum(", "sum(x", "x y", "(((", "sum by pod (x)"] {
            assert_eq!(parse(query), None, "{query}");
        }
        assert_eq!(parse(&"(".repeat(10_000)), None);
    }

    #[test]
    fn metrics_and_how_they_are_read() {
        let expr = parse("sum(rate(a_total[1m])) / max_over_time(b[1m]) + {__name__=\"c\"}").unwrap();
        assert_eq!(expr.metrics(), [("a_total", true), ("b", false), ("c", false)]);
        assert!(expr.calls("rate") && !expr.calls("sum_over_time"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(query in "[a-z(){}\\[\\]\"',+*/=~ 0-9é_:-]{0,60}") {
            let _ = parse(&query);
        }
    }
}
