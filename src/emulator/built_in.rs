//! The scenarios that are built in, by name.
//!
//! Each is a file beside this one, with a comment on every choice in it: a team that wants weather
//! of its own begins with a copy.

use super::scenario::Scenario;

/// Names and texts, from fair to foul.
const ALL: [(&str, &str); 3] = [
    ("calm", include_str!("scenarios/calm.yaml")),
    ("busy", include_str!("scenarios/busy.yaml")),
    ("storm", include_str!("scenarios/storm.yaml")),
];

impl Scenario {
    /// The names of the scenarios that are built in.
    pub const BUILT_IN: [&str; 3] = [ALL[0].0, ALL[1].0, ALL[2].0];

    /// The scenario of exactly that name; `None` if there is none.
    ///
    /// # Panics
    /// Never: a test reads each of them.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = ALL.iter().find(|(known, _)| *known == name)?;
        Some(Self::read(name, text).expect("a test reads each of them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_scenario_and_no_other_is() {
        for name in Scenario::BUILT_IN {
            assert!(Scenario::built_in(name).is_some(), "{name}");
        }
        assert!(Scenario::built_in("Storm").is_none());
        assert!(Scenario::built_in("storm.yaml").is_none());
    }

    #[test]
    fn the_calm_one_is_the_default() {
        assert_eq!(Scenario::built_in("calm"), Some(Scenario::default()));
    }
}
