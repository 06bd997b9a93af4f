//! What a world holds, counted for the ledger.

use std::collections::{BTreeMap, HashMap};

use super::clock::Millis;
use super::ledger::Held;
use super::life::Life;
use super::world::{FlowKey, World};

/// What `world` holds at `now`.
pub(super) fn held(world: &World, now: Millis) -> Held {
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut changes: HashMap<FlowKey, Vec<(Millis, i64)>> = HashMap::new();
    for (run, is_outdone) in world.all() {
        if !is_outdone {
            let end = Life::of(&run, &world.scenario, now).end();
            *ends.entry(end.to_owned()).or_default() += 1;
        }
        let span = Life::unfinished(&run, &world.scenario);
        let flow = (run.record.sandbox.clone(), run.record.flow_id);
        let of_flow = changes.entry(flow).or_default();
        of_flow.extend([(span.start, 1), (span.end, -1)]);
    }
    Held {
        stored: world.stored(),
        ends,
        most_unfinished: changes.into_values().map(most_at_once).max().unwrap_or(0),
    }
}

/// The most that were there at any one time, by when how many came and went.
fn most_at_once(mut changes: Vec<(Millis, i64)>) -> u64 {
    // At one time, what ends does so before what begins.
    changes.sort_unstable();
    let (mut there, mut most) = (0, 0);
    for (_, change) in changes {
        there += change;
        most = most.max(there);
    }
    u64::try_from(most).unwrap_or(0)
}
