//! The text format of Prometheus, version 0.0.4, as the metrics libraries of the real servers write it.
//!
//! Written here because no library prints what these servers print: the crate `prometheus-client` writes OpenMetrics,
//! which forces `_total` onto counters that have none (`tgi_request_count`, `nv_inference_count`), and `prometheus`
//! formats every number one way. Here names go out as given, and a bucket's `le` reads as the real one, so that a query
//! for `le="1.0"` written for vLLM finds its series.

use super::histogram::Histogram;

/// A label and its value.
pub(super) type Label<'a> = (&'a str, &'a str);

/// How a metrics library writes numbers and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `prometheus_client` of Python: labels sorted, `1.0`, `1e+06` (vLLM, SGLang, KServe).
    Python,
    /// Shortest decimal, no exponent: `1`, `0.25` (TGI, Triton, DCGM).
    Plain,
    /// Java's `Double.toString` and a comma after the last label: `1.0`, `1.0E7` (TorchServe).
    Java,
}

/// A page under construction.
#[derive(Debug)]
pub(super) struct Text {
    dialect: Dialect,
    out: String,
}

impl Text {
    pub(super) fn new(dialect: Dialect) -> Self {
        Text { dialect, out: String::with_capacity(16 * 1024) }
    }

    /// What was written.
    pub(super) fn into_string(self) -> String {
        self.out
    }

    /// A family with one sample, which goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str, labels: &[Label<'_>], value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, labels, value);
    }

    /// A family with one sample, which only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str, labels: &[Label<'_>], value: f64) {
        self.family(name, "counter", help);
        self.sample(name, labels, value);
    }

    /// A histogram: cumulative buckets, sum and count.
    pub(super) fn histogram(&mut self, name: &str, help: &str, labels: &[Label<'_>], times: &Histogram) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, below) in times.cumulative() {
            let le = self.number(bound);
            let labels = [labels, &[("le", le.as_str())]].concat();
            self.sample(&bucket, &labels, below as f64);
        }
        self.sample(&format!("{name}_count"), labels, times.count() as f64);
        self.sample(&format!("{name}_sum"), labels, times.sum());
    }

    /// The head of a family; its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One sample of the family begun last.
    pub(super) fn sample(&mut self, name: &str, labels: &[Label<'_>], value: f64) {
        let mut labels = labels.to_vec();
        if self.dialect == Dialect::Python {
            labels.sort_unstable();
        }
        let mut written: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        if self.dialect == Dialect::Java && !written.is_empty() {
            written.push(String::new());
        }
        self.out.push_str(name);
        if !written.is_empty() {
            self.out.push_str(&format!("{{{}}}", written.join(",")));
        }
        self.out.push_str(&format!(" {}\n", self.number(value)));
    }

    fn number(&self, value: f64) -> String {
        if value == f64::INFINITY {
            return "+Inf".to_owned();
        }
        match self.dialect {
            Dialect::Plain => value.to_string(),
            Dialect::Python if is_plain(value, 1e-4, 1e6) => format!("{value:?}"),
            Dialect::Python => scientific(value),
            Dialect::Java if is_plain(value, 1e-3, 1e7) => format!("{value:?}"),
            Dialect::Java => java(value),
        }
    }
}

/// Whether a number is written without an exponent, because it is zero or in `[from, to)`.
fn is_plain(value: f64, from: f64, to: f64) -> bool {
    value == 0.0 || (from..to).contains(&value.abs())
}

/// `1234567` as `1.234567e+06`: a sign and at least two digits in the exponent.
fn scientific(value: f64) -> String {
    let (mantissa, exponent) = mantissa_and_exponent(value);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `12345678` as `1.2345678E7`.
fn java(value: f64) -> String {
    let (mantissa, exponent) = mantissa_and_exponent(value);
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

fn mantissa_and_exponent(value: f64) -> (String, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or_default())
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(dialect: Dialect, write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::new(dialect);
        write(&mut text);
        text.into_string()
    }

    #[test]
    fn numbers_read_as_each_library_writes_them() {
        for (value, python, plain, java) in [
            (0.0, "0.0", "0", "0.0"),
            (3.0, "3.0", "3", "3.0"),
            (0.25, "0.25", "0.25", "0.25"),
            (0.0005, "0.0005", "0.0005", "5.0E-4"),
            (0.000_000_1, "1e-07", "0.0000001", "1.0E-7"),
            (999_999.5, "999999.5", "999999.5", "999999.5"),
            (1e6, "1e+06", "1000000", "1000000.0"),
            (1_234_567_890_123.0, "1.234567890123e+12", "1234567890123", "1.234567890123E12"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
        ] {
            let number = |dialect| Text::new(dialect).number(value);
            assert_eq!(
                (number(Dialect::Python), number(Dialect::Plain), number(Dialect::Java)),
                (python.to_owned(), plain.to_owned(), java.to_owned())
            );
        }
    }

    #[test]
    fn labels_are_escaped_sorted_by_python_and_closed_with_a_comma_by_java() {
        let write = |text: &mut Text| text.sample("m", &[("b", "1"), ("a", "q\"\\\n")], 2.0);
        assert_eq!(page(Dialect::Python, write), "m{a=\"q\\\"\\\\\\n\",b=\"1\"} 2.0\n");
        assert_eq!(page(Dialect::Plain, write), "m{b=\"1\",a=\"q\\\"\\\\\\n\"} 2\n");
        assert_eq!(page(Dialect::Java, write), "m{b=\"1\",a=\"q\\\"\\\\\\n\",} 2.0\n");
        assert_eq!(page(Dialect::Java, |text| text.sample("m", &[], 2.0)), "m 2.0\n");
    }

    #[test]
    fn a_family_has_help_and_type_and_a_histogram_cumulative_buckets() {
        let mut times = Histogram::new([0.5, 1.0]);
        for value in [0.25, 0.5, 0.75, 9.0] {
            times.observe(value);
        }
        let written = page(Dialect::Python, |text| text.histogram("h", "a\\b\nc", &[("m", "x")], &times));
        let expected = "# HELP h a\\\\b\\nc\n# TYPE h histogram\nh_bucket{le=\"0.5\",m=\"x\"} 2.0\n\
            h_bucket{le=\"1.0\",m=\"x\"} 3.0\nh_bucket{le=\"+Inf\",m=\"x\"} 4.0\nh_count{m=\"x\"} 4.0\n\
            h_sum{m=\"x\"} 10.5\n";
        assert_eq!(written, expected);
    }
}
