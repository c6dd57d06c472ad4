//! The page of a plan: how many replicas and why, over time, and what they cost.

use plimsoll_plan::Plan;
use plimsoll_plan::figures::{figure, percent};
use plimsoll_plan::headroom::Line as Reason;
use plimsoll_plan::scaling::Autoscaling;
use plimsoll_plan::timeline::Timeline;

use super::over_time::TimeUnit;
use super::table::Bar;
use super::{
    Axis, Block, Cell, Chart, Figure, Hue, Line, Look, Mark, Page, Scale, Section, Side, Table, Tone, Verdict,
};
use crate::report::fleet_plan::{basis_word, money, name, over, replica, scaling as words};

/// Charts over the time of a trace follow each other's cursor.
const GROUP: &str = "plan";

/// The page of a plan that lies in `folder`.
pub(crate) fn plan(plan: &Plan, folder: &str) -> Page {
    let sections =
        [reasons(plan), models(plan), over_time(plan), scaling(plan), cost(plan), types(plan), fit(plan)];
    Page {
        kind: "plan",
        title: format!("Plan: {}", plan.answer),
        lead: vec![
            format!("Demand: {}", plan.demand.words),
            format!("Replica: {}", replica(&plan.capacity)),
            format!("Results {folder}"),
        ],
        verdicts: verdicts(plan),
        figures: figures(plan),
        sections: sections.into_iter().flatten().collect(),
    }
}

fn verdicts(plan: &Plan) -> Vec<Verdict> {
    let mut found = vec![Verdict::new("PLAN", Tone::Good, plan.answer.clone())];
    if !plan.doubts.is_empty() {
        let details = plan.doubts.clone();
        found.push(Verdict { details, ..Verdict::new("doubts", Tone::Doubt, String::new()) });
    }
    found
}

fn figures(plan: &Plan) -> Vec<Figure> {
    let headroom = &plan.headroom;
    let mut figures = vec![
        Figure::new(
            "replicas",
            headroom.replicas.to_string(),
            format!("{} while nothing happens", headroom.calm),
        ),
        Figure::new(
            "peak",
            format!("{}/s", figure(headroom.peak)),
            format!("{}/s today", figure(plan.demand.peak_today)),
        ),
        Figure::new(
            "per replica",
            format!("{}/s", figure(headroom.per_replica)),
            "under all conditions".to_owned(),
        ),
    ];
    figures.extend(plan.models.attainment.map(|kept| {
        let event = plan
            .models
            .attainment_in_event
            .map_or_else(String::new, |kept| format!("{} after the worst event; simulated", percent(kept)));
        Figure::new(&format!("attainment {}", over(plan)), percent(kept), event)
    }));
    figures.extend(plan.money.as_ref().map(|found| {
        let month = format!("{} {}/month", money::money(found.per_month), found.currency);
        Figure::new("cost", format!("{} {}/h", money::money(found.per_hour), found.currency), month)
    }));
    figures
}

/// The reasons, each with a bar against the replicas that the traffic takes by itself.
fn reasons(plan: &Plan) -> Option<Section> {
    let headroom = &plan.headroom;
    let all = headroom.conditions.iter().chain(&headroom.events);
    let most = f64::from(all.map(|line| line.replicas).max().unwrap_or(1).max(1));
    let row = |line: &Reason, when: &str| {
        let at = f64::from(line.replicas) / most;
        let tone = if line.cause == headroom.bound_by { Tone::Doubt } else { Tone::Plain };
        let bar = Some(Bar { low: 0.0, at, high: at, zero: f64::from(headroom.bare) / most });
        vec![
            Cell { bar, ..Cell::count(u64::from(line.replicas)) },
            Cell::word(name(line.cause), tone),
            Cell::text(when),
            Cell::text(line.formula.clone()),
            Cell::text(line.numbers.clone()),
            Cell::text(basis_word(line.basis)),
        ]
    };
    let columns = ["replicas#", "for", "when", "formula", "numbers", "basis"];
    let mut table =
        Table::new("Why so many: the line shows what today's traffic takes by itself", &columns).main();
    table.rows.extend(headroom.conditions.iter().map(|line| row(line, "always")));
    table.rows.extend(headroom.events.iter().map(|line| row(line, "if it happens")));
    Section::of("headroom", "Replicas, by cause", vec![Block::Table(table)])
}

fn models(plan: &Plan) -> Option<Section> {
    let mut table = Table::new(&plan.models.verdict, &["model", "replicas#", "by", "basis"]);
    for answer in &plan.models.answers {
        table.rows.push(vec![
            Cell::text(answer.model.clone()),
            Cell::number(answer.replicas.map(f64::from), figure),
            Cell::text(answer.basis.clone()),
            Cell::text(if answer.extrapolated { "extrapolated" } else { "" }),
        ]);
    }
    Section::of("models", "Three models", vec![Block::Table(table)])
}

fn over_time(plan: &Plan) -> Option<Section> {
    let timeline = plan.timeline.as_ref()?;
    let mut charts = vec![replicas_over_time(plan, timeline)];
    charts.extend(cost_over_time(plan, timeline));
    charts.extend(attainment(plan, timeline));
    Section::of("over-time", "Over time", charts.into_iter().map(Block::chart).collect())
}

/// A chart over the time of the trace.
fn chart(id: &str, title: &str, says: &str, y: &str, timeline: &Timeline) -> Chart {
    let unit = TimeUnit::of(timeline.hours() * 3600.0);
    Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        says: says.to_owned(),
        x: unit.axis(),
        y: Axis::new(y, Scale::Linear),
        xs: (0..timeline.rate.len()).map(|index| index as f64 * timeline.bin / unit.seconds).collect(),
        group: GROUP,
        main: true,
        ..Chart::default()
    }
}

fn replicas_over_time(plan: &Plan, timeline: &Timeline) -> Chart {
    let counts = timeline.replicas.iter().map(|&count| Some(f64::from(count))).collect();
    let rates = timeline.rate.iter().map(|&rate| Some(rate)).collect();
    Chart {
        right: Some(Axis::new("requests/s", Scale::Linear)),
        lines: vec![
            Line::new("replicas, scaled without error", Hue::Blue, counts),
            Line::new("requests/s", Hue::Grey, rates).on(Side::Right),
        ],
        marks: vec![Mark::level("the plan", f64::from(plan.headroom.replicas), Tone::Plain)],
        wide: true,
        ..chart(
            "replicas",
            "Replicas over time",
            "The traffic, and the replicas that each moment needs with the plan's headroom, there before the traffic is.",
            "replicas",
            timeline,
        )
    }
}

fn cost_over_time(plan: &Plan, timeline: &Timeline) -> Option<Chart> {
    let found = plan.money.as_ref()?;
    let each = found.per_hour / f64::from(found.machines.max(1));
    let per_machine = f64::from(plan.headroom.replicas) / f64::from(found.machines.max(1));
    let hours = timeline.bin / 3600.0;
    let summed = |cost: &dyn Fn(u32) -> f64| {
        let mut sum = 0.0;
        let mut add = |count: &u32| {
            sum += cost(*count) * hours;
            Some(sum)
        };
        timeline.replicas.iter().map(&mut add).collect::<Vec<_>>()
    };
    Some(Chart {
        lines: vec![
            Line::new("fixed fleet", Hue::Orange, summed(&|_| found.per_hour)).looking(Look::Dashed),
            Line::new(
                "scaled fleet",
                Hue::Blue,
                summed(&|count| (f64::from(count) / per_machine).ceil() * each),
            ),
        ],
        ..chart(
            "cost",
            "Cost over time",
            "What has been paid by each moment, on demand: with the plan's fleet all the time, and with as many as needed.",
            &found.currency,
            timeline,
        )
    })
}

fn attainment(plan: &Plan, timeline: &Timeline) -> Option<Chart> {
    if timeline.attainment.is_empty() {
        return None;
    }
    let values = timeline.attainment.iter().map(|kept| kept.map(|kept| kept * 100.0)).collect();
    Some(Chart {
        lines: vec![Line::new("within the objective", Hue::Green, values)],
        marks: plan
            .models
            .wanted
            .map(|wanted| Mark::level("objective", wanted * 100.0, Tone::Good))
            .into_iter()
            .collect(),
        ..chart(
            "attainment",
            "Attainment over time",
            "The share of requests within the objective while the plan's fleet stands, in the simulated fleet.",
            "% of requests",
            timeline,
        )
    })
}

/// What autoscalers did with the traffic.
fn scaling(plan: &Plan) -> Option<Section> {
    let found = plan.autoscaling.as_ref()?;
    let over = format!("{}#", words::OVER);
    let columns = ["manifest", "kept#", "goal", "replica-hours#", &over, "cost#", "up#", "down#"];
    let mut table = Table::new("Each law over the traffic, in a simulated fleet", &columns);
    for tried in words::tried(found) {
        let figures = tried.figures;
        let tone = if tried.kept { Tone::Good } else { Tone::Bad };
        table.rows.push(vec![
            Cell::text(tried.name),
            Cell::number(Some(figures.attainment), percent),
            Cell::word(words::verdict(tried.kept), tone),
            Cell::number(Some(figures.replica_hours), figure),
            Cell::number(tried.over, words::signed),
            Cell::number(figures.cost, money::money),
            Cell::count(u64::from(figures.scale_ups)),
            Cell::count(u64::from(figures.scale_downs)),
        ]);
    }
    let misses = found.proven.iter().flat_map(words::missed);
    let better = found.proven.iter().filter_map(words::proposed);
    let items: Vec<String> =
        misses.chain(words::adopted(found)).chain(better).chain(found.assumptions.iter().cloned()).collect();
    let mut blocks: Vec<Block> = ready(found).map(Block::chart).into_iter().collect();
    blocks.push(Block::Table(table));
    if !items.is_empty() {
        blocks.push(Block::List { items });
    }
    Section::of("autoscaling", "Autoscaling", blocks)
}

/// Ready replicas over time, law by law.
fn ready(found: &Autoscaling) -> Option<Chart> {
    let minutes = found.proven.first()?.proof.minutes.len();
    let unit = TimeUnit::of(minutes as f64 * 60.0);
    // Laws that do the same share a line: only the last one of them would be seen.
    let mut lines: Vec<Line> = Vec::new();
    for proven in &found.proven {
        let ready: Vec<_> = proven.proof.minutes.iter().map(|minute| Some(minute.ready)).collect();
        match lines.iter_mut().find(|line| line.values == ready) {
            Some(line) => line.label += &format!(", {}", proven.manifest),
            None => lines.extend(
                Hue::FREE.get(lines.len()).map(|hue| Line::new(proven.manifest.clone(), *hue, ready)),
            ),
        }
    }
    Some(Chart {
        id: "autoscalers".to_owned(),
        title: "What each autoscaler does".to_owned(),
        says: "Ready replicas over the traffic, law by law, in the simulated fleet.".to_owned(),
        x: unit.axis(),
        y: Axis::new("replicas", Scale::Linear),
        xs: (0..minutes).map(|minute| minute as f64 * 60.0 / unit.seconds).collect(),
        lines,
        group: GROUP,
        main: true,
        wide: true,
        ..Chart::default()
    })
}

fn cost(plan: &Plan) -> Option<Section> {
    let found = plan.money.as_ref()?;
    let caption = format!("{} for a million; prices of {}: {}", found.currency, found.as_of, found.source);
    let columns = ["at", "busy#", "inferences#", "tokens#", "if answers pay all#", "if prompts pay all#"];
    let mut units = Table::new(&caption, &columns);
    let amount = |amount: Option<f64>| Cell::number(amount, money::money);
    for unit in &found.units {
        units.rows.push(vec![
            Cell::text(unit.at.words()),
            Cell::number(Some(unit.utilisation), percent),
            amount(Some(unit.inferences)),
            amount(unit.tokens),
            amount(unit.output_tokens),
            amount(unit.input_tokens),
        ]);
    }
    let columns = ["bought as", "reserved#", "on demand#", "spot#", "per hour#", "per month#", "note"];
    let mut mixes = Table::new("The same fleet, bought in other ways", &columns);
    for mix in &found.mixes {
        let machines = |count: f64| Cell::number(Some(count), figure);
        mixes.rows.push(vec![
            Cell::text(mix.name.clone()),
            machines(mix.reserved),
            machines(mix.on_demand),
            machines(mix.spot),
            amount(Some(mix.per_hour)),
            amount(Some(mix.per_month)),
            Cell::text(mix.note.clone()),
        ]);
    }
    Section::of("cost", "Cost", vec![Block::Table(units), Block::Table(mixes)])
}

fn types(plan: &Plan) -> Option<Section> {
    if plan.comparison.len() < 2 {
        return None;
    }
    let columns =
        ["instance", "carries/s#", "p99 ms#", "replicas#", "machines#", "per hour#", "per million#", ""];
    let mut table = Table::new("What the same demand costs on each", &columns);
    for row in &plan.comparison {
        table.rows.push(vec![
            Cell::text(row.instance.clone()),
            Cell::number(Some(row.capacity), figure),
            Cell::number(row.latency_p99.map(|latency| latency * 1e3), figure),
            Cell::count(u64::from(row.replicas)),
            Cell::count(u64::from(row.machines)),
            Cell::number(Some(row.per_hour), money::money),
            Cell::number(Some(row.per_million), money::money),
            Cell::text(if row.pareto { "none is cheaper and faster" } else { "" }),
        ]);
    }
    let cheapest = plan.cheapest.iter().map(|range| {
        format!("{} is the cheapest from {} to {}/s", range.instance, figure(range.from), figure(range.to))
    });
    let items = cheapest.chain(plan.sizes.iter().cloned()).collect();
    Section::of("instance-types", "Instance types", vec![Block::Table(table), Block::List { items }])
}

fn fit(plan: &Plan) -> Option<Section> {
    let columns = [
        "instance",
        "accelerators",
        "GiB#",
        "weights#",
        "keys and values#",
        "other#",
        "fits",
        "at most in flight#",
    ];
    let mut table = Table::new("Computed from published sizes, not measured", &columns);
    for row in &plan.fit {
        let gib = |size: f64| Cell::number(Some(size), figure);
        let (word, tone) = if row.fits { ("yes", Tone::Good) } else { ("NO", Tone::Bad) };
        table.rows.push(vec![
            Cell::text(row.instance.clone()),
            Cell::text(row.accelerators.clone()),
            gib(row.memory),
            gib(row.weights),
            gib(row.kv),
            gib(row.other),
            Cell::word(word, tone),
            Cell::count(u64::from(row.most_in_flight)),
        ]);
    }
    let blocks = if table.rows.is_empty() { Vec::new() } else { vec![Block::Table(table)] };
    Section::of("memory", "Memory", blocks)
}
