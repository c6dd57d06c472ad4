//! What is said of plans, as people see it.

use plimsoll_plan::demand::{Demand, Growth};
use plimsoll_plan::headroom::Settings;
use plimsoll_plan::manifest::{Engine, Service};
use plimsoll_plan::prices::PriceBook;
use plimsoll_plan::{Question, plan};

use super::*;

/// Two types, one four times the other's price.
const PRICES: &str = include_str!("testdata/prices.toml");

fn narrow() -> Style {
    Style { width: 100, color: false }
}

fn shown(question: &Question) -> String {
    text(&plan(question).unwrap().plan, Path::new("runs/2026-11-22T16-00-00Z-plan"), narrow())
}

fn typed() -> Question {
    Question {
        capacities: vec![Capacity::typed(65.0)],
        demand: Demand::peak(500.0),
        settings: Settings::default(),
        prices: None,
        fit: None,
        service: None,
        improve: false,
        metrics_outage: None,
    }
}

#[test]
fn the_seeds_example() {
    insta::assert_snapshot!(shown(&typed()));
}

#[test]
fn with_prices_and_everything_that_was_said() {
    let prices: PriceBook = toml::from_str(PRICES).unwrap();
    let question = Question {
        capacities: vec![
            Capacity { instance: "small".to_owned(), ..Capacity::typed(65.0) },
            Capacity { instance: "large".to_owned(), ..Capacity::typed(250.0) },
        ],
        demand: Demand {
            growth: Some(Growth { per_month: 0.05, months: 6.0 }),
            forecast_error: 0.1,
            ..Demand::peak(500.0)
        },
        settings: Settings { zones: Some(3), ..Settings::default() },
        prices: Some(prices),
        fit: Some(plimsoll_plan::money::FitQuestion {
            model: "llama-3.1-8b".to_owned(),
            in_flight: 64,
            tokens: 2048,
        }),
        service: Some(Service::new("m", Engine::Vllm)),
        improve: false,
        metrics_outage: None,
    };
    insta::assert_snapshot!(shown(&question));
}

#[test]
fn amounts_have_the_digits_that_count() {
    for (amount, text) in
        [(1234.5, "1234.50"), (4.3, "4.30"), (0.0432, "0.0432"), (0.000_123_4, "0.000123"), (0.0, "0.00")]
    {
        assert_eq!(money::money(amount), text);
    }
}
