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
async fn a_refusal_holds_everyone_for_as_long_as_it_says() {
    let pacer = pacer("10/s");
    let turn = pacer.turn().await;
    pacer.throttle(turn, Some(Duration::from_secs(30)));
    pacer.throttle(turn, Some(Duration::from_secs(5)));
    let times = turns(&pacer, 4, 5).await;
    assert!(times[0] >= Duration::from_secs(30), "{:?}", times[0]);
    assert!(times[0] < Duration::from_secs(31), "{:?}", times[0]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_says_nothing_holds_nobody() {
    let pacer = pacer("10/s");
    let turn = pacer.turn().await;
    pacer.throttle(turn, None);
    let times = turns(&pacer, 4, 5).await;
    assert!(times[19] < Duration::from_millis(2_100), "{:?}", times[19]);
}

#[tokio::test(start_paused = true)]
async fn callers_already_waiting_are_held_too() {
    let pacer = pacer("1/s");
    let turn = pacer.turn().await;
    let waiting = {
        let pacer = Arc::clone(&pacer);
        tokio::spawn(async move {
            pacer.turn().await;
            Instant::now()
        })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held_until = Instant::now() + Duration::from_secs(20);
    pacer.throttle(turn, Some(Duration::from_secs(20)));
    assert!(waiting.await.expect("no panic") >= held_until);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_asks_for_no_wait_gives_no_turn_away() {
    let pacer = pacer("5/s");
    let start = Instant::now();
    let mut times = Vec::new();
    for _ in 0..20 {
        let turn = pacer.turn().await;
        times.push(start.elapsed());
        pacer.throttle(turn, Some(Duration::ZERO));
    }
    assert!(most_in_a_second(&times) <= 5, "{times:?}");
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

/// Which requests a service refuses.
enum Refuses {
    /// All beyond this number in any second.
    Beyond(usize),
    /// All beyond this number in a second of the clock.
    BeyondInSecond(usize),
    /// All beyond this number a second, of which so many are saved up.
    BeyondSaved(usize, f64),
    /// This share, whatever the rate.
    Share(f64),
}

/// A service that is asked over a network, and what it has seen.
struct Service {
    refuses: Refuses,
    /// What it says with a refusal.
    retry_after: Option<Duration>,
    start: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    taken: VecDeque<Instant>,
    saved: f64,
    saved_at: Duration,
    random: u64,
    arrived: Vec<Duration>,
}

impl Service {
    fn new(refuses: Refuses) -> Arc<Self> {
        Arc::new(Self {
            refuses,
            retry_after: None,
            start: Instant::now(),
            seen: Mutex::default(),
        })
    }

    fn asking_to_wait(refuses: Refuses) -> Arc<Self> {
        let mut service = Self::new(refuses);
        Arc::get_mut(&mut service).expect("nobody else").retry_after = Some(SECOND);
        service
    }

    /// Whether it takes a request.
    fn takes(&self) -> bool {
        let now = Instant::now();
        let since = now - self.start;
        let mut seen = self.seen.lock().expect("not poisoned");
        seen.arrived.push(since);
        let is_taken = match self.refuses {
            Refuses::Beyond(most) => {
                while seen.taken.front().is_some_and(|at| *at + SECOND <= now) {
                    seen.taken.pop_front();
                }
                seen.taken.len() < most
            }
            Refuses::BeyondInSecond(most) => {
                let start = self.start;
                let second = |at: Instant| (at - start).as_secs();
                seen.taken.retain(|at| second(*at) == since.as_secs());
                seen.taken.len() < most
            }
            Refuses::BeyondSaved(rate, most) => {
                let more = since.saturating_sub(seen.saved_at).as_secs_f64() * count(rate);
                seen.saved = (seen.saved + more).min(most);
                seen.saved_at = since;
                let is_taken = seen.saved >= 1.0;
                seen.saved -= f64::from(u8::from(is_taken));
                is_taken
            }
            Refuses::Share(share) => {
                // A generator by Lehmer, so that each run of the test is the same.
                seen.random = (seen.random + 1) * 48_271 % 2_147_483_647;
                count(usize::try_from(seen.random).expect("small")) >= share * 2_147_483_647.0
            }
        };
        if is_taken {
            seen.taken.push_back(now);
        }
        is_taken
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
fn count(number: usize) -> f64 {
    number as f64
}

/// How many requests were taken and refused.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    taken: usize,
    refused: usize,
}

impl Counts {
    fn refused_share(self) -> f64 {
        count(self.refused) / count(self.taken + self.refused)
    }
}

/// Sends requests as an apply does, so many at once, until `goal` were taken, or for this long.
async fn send(
    pacer: Arc<Pacer>,
    service: Arc<Service>,
    at_once: usize,
    goal: usize,
    length: Duration,
) -> (Counts, Duration) {
    let start = Instant::now();
    let counts = Arc::new(Mutex::new(Counts::default()));
    let worker = || {
        let (pacer, service, counts) = (
            Arc::clone(&pacer),
            Arc::clone(&service),
            Arc::clone(&counts),
        );
        async move {
            let mut refusals = 0;
            while start.elapsed() < length && counts.lock().expect("no panic").taken < goal {
                let turn = pacer.turn().await;
                sleep_until(Instant::now() + Duration::from_millis(3)).await;
                let is_taken = service.takes();
                sleep_until(Instant::now() + Duration::from_millis(3)).await;
                if is_taken {
                    counts.lock().expect("no panic").taken += 1;
                    refusals = 0;
                    continue;
                }
                counts.lock().expect("no panic").refused += 1;
                pacer.throttle(turn, service.retry_after);
                refusals += 1;
                if refusals > 1 {
                    let back_off = Duration::from_millis(250) * 2_u32.pow((refusals - 2).min(7));
                    sleep_until(Instant::now() + back_off).await;
                }
            }
        }
    };
    let workers: Vec<_> = (0..at_once).map(|_| tokio::spawn(worker())).collect();
    for worker in workers {
        worker.await.expect("no panic");
    }
    let counts = *counts.lock().expect("no panic");
    (counts, start.elapsed())
}

const TWO_MINUTES: Duration = Duration::from_secs(120);

#[tokio::test(start_paused = true)]
async fn stray_refusals_cost_little_whatever_the_rate() {
    for (rate, windows, at_once) in [
        ("200/s", 600, 8),
        ("200/s", 600, 1),
        ("200/s", 12_000, 8),
        ("50/s", 3_000, 8),
        ("5/s", 600, 8),
        ("1000/s", 20_000, 32),
    ] {
        for share in [0.01, 0.05] {
            let run = async |share| {
                let service = Service::new(Refuses::Share(share));
                let (_, taken) = send(pacer(rate), service, at_once, windows, Duration::MAX).await;
                taken.as_secs_f64()
            };
            let ratio = run(share).await / run(0.0).await;
            assert!(
                ratio < 2.5,
                "{windows} at {rate}, {share} refused: {ratio:.2} times"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_refusal_costs_the_wait_that_it_asks_for_and_no_more() {
    let pacer = pacer("200/s");
    let turn = turns_had(&pacer, 30).await;
    pacer.throttle(turn, Some(SECOND));
    let start = Instant::now();
    turns_had(&pacer, 600).await;
    assert!(
        start.elapsed() < Duration::from_millis(4_100),
        "{:?}",
        start.elapsed()
    );
}

/// Has so many turns; gives the last.
async fn turns_had(pacer: &Pacer, number: usize) -> Turn {
    for _ in 1..number {
        pacer.turn().await;
    }
    pacer.turn().await
}

#[tokio::test(start_paused = true)]
async fn a_hard_limit_that_nobody_told_us_of_is_found_and_used() {
    let limits: [fn(usize) -> Refuses; 4] = [
        Refuses::Beyond,
        Refuses::BeyondInSecond,
        |rate| Refuses::BeyondSaved(rate, count(rate)),
        |rate| Refuses::BeyondSaved(rate, 3.0),
    ];
    for (n, refuses) in limits.into_iter().enumerate() {
        for (rate, limit) in [
            ("500/s", 50),
            ("unlimited", 50),
            ("200/s", 100),
            ("60/s", 50),
        ] {
            let service = Service::new(refuses(limit));
            let (counts, _) = send(pacer(rate), service, 8, usize::MAX, TWO_MINUTES).await;
            let used = count(counts.taken) / count(120 * limit);
            let refused = counts.refused_share();
            assert!(used >= 0.9, "{n}, {rate}, {limit}/s: {used:.3} used");
            assert!(
                refused <= 0.03,
                "{n}, {rate}, {limit}/s: {refused:.3} refused"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hard_limit_that_asks_to_wait_is_used_too() {
    for rate in ["500/s", "200/s", "60/s"] {
        let service = Service::asking_to_wait(Refuses::Beyond(50));
        let (counts, _) = send(pacer(rate), service, 8, usize::MAX, TWO_MINUTES).await;
        let used = count(counts.taken) / count(120 * 50);
        assert!(used >= 0.9, "{rate}: {used:.3} used");
        let refused = counts.refused_share();
        assert!(refused <= 0.03, "{rate}: {refused:.3} refused");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_clients_that_share_a_limit_neither_starves() {
    for (rate, limit) in [("500/s", 50), ("200/s", 100)] {
        for wait in [None, Some(SECOND)] {
            let mut service = Service::new(Refuses::Beyond(limit));
            Arc::get_mut(&mut service).expect("nobody else").retry_after = wait;
            let half = count(120 * limit) / 2.0;
            // One that takes half of it, whatever it is answered, from the second half minute on.
            let other = {
                let service = Arc::clone(&service);
                tokio::spawn(async move {
                    let interval = Duration::from_secs_f64(2.0 / count(limit));
                    let mut taken = 0;
                    sleep_until(service.start + Duration::from_secs(30)).await;
                    while service.start.elapsed() < TWO_MINUTES {
                        taken += usize::from(service.takes());
                        sleep_until(Instant::now() + interval).await;
                    }
                    taken
                })
            };
            let (ours, _) = send(
                pacer(rate),
                Arc::clone(&service),
                8,
                usize::MAX,
                TWO_MINUTES,
            )
            .await;
            let other = count(other.await.expect("no panic")) / (half * 0.75);
            let ours = count(ours.taken) / half;
            assert!(
                ours >= 0.7,
                "{rate}, {limit}/s: we got {ours:.2} of our half"
            );
            assert!(
                other >= 0.7,
                "{rate}, {limit}/s: another got {other:.2} of its half"
            );

            let service = Service::new(Refuses::Beyond(limit));
            let send = || {
                send(
                    pacer(rate),
                    Arc::clone(&service),
                    8,
                    usize::MAX,
                    TWO_MINUTES,
                )
            };
            let ((one, _), (two, _)) = tokio::join!(send(), send());
            for counts in [one, two] {
                let share = count(counts.taken) / half;
                assert!(share >= 0.6, "{rate}, {limit}/s: {one:?} {two:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_gone_is_noticed_in_seconds() {
    let pacer = pacer("200/s");
    let slow = Service::new(Refuses::Beyond(50));
    send(
        Arc::clone(&pacer),
        slow,
        8,
        usize::MAX,
        Duration::from_secs(60),
    )
    .await;
    assert!(pacer.rate().get() < 60.0);
    let free = Service::new(Refuses::Share(0.0));
    send(
        Arc::clone(&pacer),
        free,
        8,
        usize::MAX,
        Duration::from_secs(25),
    )
    .await;
    assert!(
        (pacer.rate().get() - 200.0).abs() < 1e-9,
        "{:?}",
        pacer.rate()
    );
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_than_the_rate_whatever_is_refused() {
    for refuses in [
        Refuses::Share(0.05),
        Refuses::Share(0.5),
        Refuses::Beyond(12),
    ] {
        let service = Service::new(refuses);
        send(
            pacer("20/s"),
            Arc::clone(&service),
            8,
            usize::MAX,
            TWO_MINUTES,
        )
        .await;
        let arrived = &service.seen.lock().expect("no panic").arrived;
        assert!(
            most_in_a_second(arrived) <= 20,
            "{}",
            most_in_a_second(arrived)
        );
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
