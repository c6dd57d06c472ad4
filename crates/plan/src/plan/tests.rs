//! Questions answered from end to end.

use super::*;
use crate::demand::Counts;
use crate::testing::{certified, instance};

fn question() -> Question {
    Question {
        capacities: vec![certified(65.0, 68.0)],
        demand: Demand { cv: Some(1.0), ..Demand::peak(500.0) },
        settings: Settings { zones: Some(3), ..Settings::default() },
        prices: None,
        fit: None,
        service: None,
        improve: false,
        metrics_outage: None,
    }
}

fn planned(question: &Question) -> Plan {
    plan(question).unwrap().plan
}

fn book(names: &[(&str, f64)]) -> PriceBook {
    PriceBook {
        version: 1,
        currency: "USD".to_owned(),
        as_of: "2026-11-22".to_owned(),
        instance: names.iter().map(|(name, price)| instance(name, *price)).collect(),
    }
}

#[test]
fn the_answer_is_one_sentence_with_its_doubt() {
    let plan = planned(&question());
    assert_eq!(plan.answer, "12 replicas (95 %: 12 to 12), bound by zone loss");
    assert_eq!(plan.doubts, ["no prices were given, so there is no cost (--prices FILE, --instance NAME)"]);
    let text = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (read.schema.as_str(), read.headroom),
        (PLAN_SCHEMA, plan.headroom),
        "what is stored is read back"
    );
}

#[test]
fn what_makes_no_plan_is_refused_with_what_to_do() {
    let refused = |change: &dyn Fn(&mut Question)| {
        let mut question = question();
        change(&mut question);
        plan(&question).unwrap_err().to_string()
    };
    let texts = [
        refused(&|question| question.capacities.clear()),
        refused(&|question| question.demand = Demand::peak(0.0)),
        refused(&|question| question.settings.zones = Some(1)),
        refused(&|question| question.settings.max_unavailable = Portion::Share(1.0)),
        refused(&|question| question.prices = Some(book(&[("smal", 1.0)]))),
        refused(&|question| question.prices = Some(book(&[("h100-large", 1.0)]))),
        refused(&|question| question.prices = Some(book(&[("small", -1.0)]))),
        refused(&|question| question.prices = Some(book(&[]))),
        refused(&|question| {
            question.prices = Some(PriceBook { version: 2, ..book(&[("small", 1.0)]) });
        }),
        refused(&|question| {
            question.prices = Some(PriceBook { as_of: String::new(), ..book(&[("small", 1.0)]) });
        }),
        refused(&|question| {
            let mut book = book(&[("small", 1.0)]);
            book.instance[0].spot_interruptions_per_month = None;
            question.prices = Some(book);
        }),
        refused(&|question| {
            question.capacities[0].instance = String::new();
            question.prices = Some(book(&[("small", 1.0), ("large", 3.0)]));
        }),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn less_than_one_replica_is_answered_with_a_label() {
    let small = Question { demand: Demand { cv: Some(1.0), ..Demand::peak(3.25) }, ..question() };
    let plan = planned(&small);
    assert_eq!(plan.headroom.replicas, 2, "one that carries it all, and one that may fail");
    assert!(plan.doubts[0].starts_with("the demand is 5 % of what one replica carries"), "{:?}", plan.doubts);
}

#[test]
fn the_cheapest_of_several_types_is_taken() {
    let mut dear = certified(70.0, 72.0);
    dear.instance = "dear".to_owned();
    let several = Question {
        capacities: vec![dear, certified(65.0, 68.0)],
        prices: Some(book(&[("small", 1.0), ("dear", 3.0)])),
        ..question()
    };
    let plan = planned(&several);
    let money = plan.money.unwrap();
    assert_eq!((plan.capacity.instance.as_str(), money.machines, money.per_hour), ("small", 12, 12.0));
    assert!((money.units[0].inferences - 1e6 / (65.0 * 3600.0)).abs() < 1e-9, "the seed's formula");
    assert!((money.units[1].inferences - 12e6 / (500.0 * 3600.0)).abs() < 1e-9);
}

#[test]
fn a_trace_has_its_own_peak_and_a_cost_over_time() {
    let counts = (0..600).map(|second| if second < 300 { 100.0 } else { 400.0 }).collect();
    let trace = Counts { source: "day.csv".to_owned(), bin: 1.0, counts, scale: 1.0 };
    let traced = Question {
        demand: Demand { traffic: Traffic::Trace(trace), ..Demand::peak(1.0) },
        prices: Some(book(&[("small", 1.0)])),
        ..question()
    };
    let plan = planned(&traced);
    let money = plan.money.unwrap();
    let at = |at: At| money.units.iter().find(|unit| unit.at == at).unwrap();
    assert_eq!(plan.headroom.peak, 400.0);
    assert_eq!(plan.timeline.unwrap().rate.len(), 10);
    assert!(at(At::TraceScaled).inferences < at(At::TraceFixed).inferences);
    assert!(at(At::Capacity).inferences < at(At::TraceScaled).inferences);
    assert_eq!(at(At::Capacity).utilisation, 1.0);
}
