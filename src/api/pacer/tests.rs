use std::sync::Arc;

use super::*;

fn pacer(rate: &str) -> Arc<Pacer> {
    Arc::new(Pacer::new(rate.parse().expect("a rate")))
}

async fn turns(pacer: &Arc<Pacer>, callers: usize, each: usize) -> Vec<Duration> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let pacer = Arc::clone(pacer);
            tokio::spawn(async move {
                let mut times = Vec::new();
                for _ in 0..each {
                    pacer.turn().await;
                    times.push(start.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<Duration> = futures::future::join_all(tasks)
        .await
        .into_iter()
        .flat_map(|times| times.expect("no panic"))
        .collect();
    times.sort();
    times
}

fn most_in_a_second(times: &[Duration]) -> usize {
    times
        .iter()
        .enumerate()
        .map(|(n, from)| {
            times[n..]
                .iter()
                .take_while(|time| **time < *from + Duration::from_secs(1))
                .count()
        })
        .max()
        .unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn fifty_a_second_is_fifty_in_any_second_and_five_hundred_in_ten() {
    let times = turns(&pacer("50/s"), 8, 100).await;
    assert!(
        most_in_a_second(&times) <= 50,
        "{}",
        most_in_a_second(&times)
    );
    let in_ten = times.iter().filter(|t| t.as_secs() < 10).count();
    assert!((495..=505).contains(&in_ten), "{in_ten} in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn time_that_nobody_used_is_not_saved_up() {
    let pacer = pacer("10/s");
    pacer.turn().await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let times = turns(&pacer, 4, 10).await;
    assert!(most_in_a_second(&times) <= 10);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_a_little_late_does_not_slow_the_rest() {
    let pacer = pacer("10/s");
    let start = Instant::now();
    for _ in 0..100 {
        pacer.turn().await;
        tokio::time::advance(Duration::from_millis(40)).await;
    }
    let taken = start.elapsed().as_secs_f64();
    assert!((9.8..=10.1).contains(&taken), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_holds_everyone_and_halves_the_rate() {
    let pacer = pacer("10/s");
    pacer.turn().await;
    pacer.throttle(Duration::from_secs(30));
    pacer.throttle(Duration::from_secs(5)); // of the same burst: no second halving
    let times = turns(&pacer, 4, 5).await;
    assert!(times[0] >= Duration::from_secs(30), "{:?}", times[0]);
    let second = times.iter().filter(|time| **time < times[0] + SECOND);
    assert!(second.count() <= 5, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_already_waiting_are_held_too() {
    let pacer = pacer("1/s");
    pacer.turn().await;
    let waiting = {
        let pacer = Arc::clone(&pacer);
        tokio::spawn(async move {
            pacer.turn().await;
            Instant::now()
        })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held_until = Instant::now() + Duration::from_secs(20);
    pacer.throttle(Duration::from_secs(20));
    assert!(waiting.await.expect("no panic") >= held_until);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_asks_for_no_wait_gives_no_turn_away() {
    let pacer = pacer("5/s");
    let start = Instant::now();
    let mut times = Vec::new();
    for _ in 0..20 {
        pacer.turn().await;
        times.push(start.elapsed());
        pacer.throttle(Duration::ZERO);
    }
    assert!(most_in_a_second(&times) <= 5, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_rate_recovers_slowly_and_never_beyond_what_was_wanted() {
    let pacer = pacer("10/s");
    pacer.throttle(Duration::from_secs(1));
    assert!((pacer.rate().get() - 5.0).abs() < 1e-9);
    turns(&pacer, 1, 60).await; // some 10 s at 5/s and more
    let some = pacer.rate().get();
    assert!((7.0..9.0).contains(&some), "{some}");
    turns(&pacer, 1, 1000).await;
    assert!((pacer.rate().get() - 10.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn it_tells_how_many_turns_are_near() {
    let pacer = pacer("6/min");
    let near = Duration::from_secs(25);
    assert_eq!(pacer.turns_within(near), 3);
    pacer.turn().await;
    pacer.turn().await;
    assert_eq!(pacer.turns_within(Duration::from_secs(9)), 0);
    assert_eq!(pacer.turns_within(near), 2);
}

/// A service that takes 50 requests in any second and refuses what is beyond, of which we know
/// nothing: we are set to ten times as much.
#[tokio::test(start_paused = true)]
async fn a_limit_that_is_not_known_is_found_and_used() {
    for rate in ["500/s", "unlimited"] {
        let pacer = pacer(rate);
        let start = Instant::now();
        let mut taken: VecDeque<Instant> = VecDeque::new();
        let (mut accepted, mut refused) = (0, 0);
        while start.elapsed() < Duration::from_secs(120) {
            pacer.turn().await;
            // An answer is a while on its way, and so are others meanwhile.
            if rate == "unlimited" {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let now = Instant::now();
            while taken.front().is_some_and(|at| *at + SECOND <= now) {
                taken.pop_front();
            }
            if taken.len() < 50 {
                taken.push_back(now);
                accepted += 1;
            } else {
                refused += 1;
                pacer.throttle(SECOND);
            }
        }
        assert!(accepted >= 120 * 50 * 85 / 100, "{rate}: {accepted} taken");
        assert!(refused * 20 < accepted, "{rate}: {refused} refused");
    }
}

#[test]
fn rates_are_read_with_their_unit() {
    let rate = |text: &str| text.parse::<Rate>().map(Rate::get);
    assert_eq!(rate("5/s"), Ok(5.0));
    assert_eq!(rate("30/min"), Ok(0.5));
    assert_eq!(rate("2.5"), Ok(2.5));
    assert_eq!(rate("unlimited"), Ok(Rate::UNLIMITED.get()));
    assert_eq!(Rate::UNLIMITED.to_string(), "unlimited");
    for bad in ["", "0/s", "-1/s", "5/h", "NaN", "inf", "1e9/s"] {
        assert!(rate(bad).is_err(), "{bad}");
    }
}
