//! Slots, the queue before them, and clients that leave.

use crate::client::{Client, chat, start, stats_when};

#[test]
fn those_beyond_the_slots_are_served_in_their_order() {
    let server = start("ttft=10ms&itl=1h&slots=1&truth=true");
    let arrive = |number: u32, tokens: u32| {
        let mut client = Client::connect(&server);
        client.post("/v1/chat/completions", &chat(tokens));
        stats_when(&server, |stats| stats["requests"] == number);
        client
    };
    let first = arrive(1, 2);
    let clients: Vec<Client> = (2..=5).map(|number| arrive(number, 1)).collect();
    drop(first); // it would not have ended before all had come
    let mut ended = 0;
    for mut client in clients {
        let due = client.response().due();
        // A slot is granted when the answer before has ended, and its first token comes a TTFT later.
        assert!(ended == 0 || due == [ended + 10_000_000], "{due:?} after {ended}");
        ended = due[0];
    }
    let stats = stats_when(&server, |stats| stats["in_flight"] == 0);
    assert_eq!((&stats["completed"], &stats["cancelled"]), (&4.into(), &1.into()));
}

#[test]
fn a_full_queue_refuses_and_says_when_to_come_back() {
    for (full, status) in [("429", 429), ("503", 503)] {
        let server = start(&format!("ttft=1ms&itl=1s&slots=1&queue=1&full={full}"));
        let mut served = Client::connect(&server);
        served.post("/v1/chat/completions", &chat(1000));
        let mut queued = Client::connect(&server);
        stats_when(&server, |stats| stats["in_flight"] == 1);
        queued.post("/v1/chat/completions", &chat(1));
        stats_when(&server, |stats| stats["in_flight"] == 2);

        let mut refused = Client::connect(&server);
        let response = refused.stream_chat(1);
        assert_eq!((response.status, response.header("retry-after")), (status, Some("1")));
        assert_eq!(response.json()["error"]["code"], status);
        assert_eq!(refused.get("/health").status, 200, "the connection goes on");
    }
}

#[test]
fn a_client_that_leaves_gives_its_slot_to_the_next() {
    let server = start("ttft=1ms&itl=1s&slots=1");
    let mut leaver = Client::connect(&server);
    leaver.post("/v1/chat/completions", &chat(1000));
    stats_when(&server, |stats| stats["in_flight"] == 1);
    let mut impatient = Client::connect(&server);
    impatient.post("/v1/chat/completions", &chat(1000));
    stats_when(&server, |stats| stats["in_flight"] == 2);
    let mut patient = Client::connect(&server);
    patient.post("/v1/chat/completions", &chat(1));
    stats_when(&server, |stats| stats["in_flight"] == 3);

    drop(impatient);
    stats_when(&server, |stats| stats["cancelled"] == 1);
    drop(leaver);
    assert_eq!(patient.response().content().len(), 1);
    let stats = stats_when(&server, |stats| stats["in_flight"] == 0);
    assert_eq!((&stats["cancelled"], &stats["completed"]), (&2.into(), &1.into()));
}

#[test]
fn a_client_that_sends_and_leaves_at_once_is_noticed() {
    let server = start("ttft=1h&slots=1");
    for left in 1..=50 {
        Client::connect(&server).post("/v1/chat/completions", &chat(1));
        stats_when(&server, |stats| stats["cancelled"] == left && stats["in_flight"] == 0);
    }
}
