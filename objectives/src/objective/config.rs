//! An objective as a recipe writes it: a name, and the parts that differ from it.

use serde::{Deserialize, Serialize};

use crate::{Advantage, Aggregation, Importance, KlPenalty, Loss, Objective, ObjectiveError};

/// A named composition with replaced parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// One of [`NAMES`](super::NAMES).
    pub name: String,
    /// Who gets the credit instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advantage: Option<Advantage>,
    /// What a token costs instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// How tokens are averaged instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// The penalty on the distance to the reference policy instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl: Option<KlPenalty>,
    /// The correction for samples of other weights instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Importance>,
    /// The weight of the mean entropy instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy_bonus: Option<f64>,
}

impl ObjectiveConfig {
    /// Makes the objective.
    ///
    /// # Errors
    /// The name is not registered.
    pub fn build(&self) -> Result<Objective, ObjectiveError> {
        let base = Objective::named(&self.name)?;
        Ok(Objective {
            advantage: self.advantage.clone().unwrap_or(base.advantage),
            loss: self.loss.clone().unwrap_or(base.loss),
            aggregation: self.aggregation.unwrap_or(base.aggregation),
            kl: self.kl.unwrap_or(base.kl),
            importance: self.importance.unwrap_or(base.importance),
            entropy_bonus: self.entropy_bonus.unwrap_or(base.entropy_bonus),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Clip;

    fn read(text: &str) -> Result<Objective, String> {
        toml::from_str::<ObjectiveConfig>(text).map_err(|error| error.to_string())?.build().map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_alone_is_its_composition() {
        assert_eq!(read("name = 'dapo'"), Ok(Objective::named("dapo").unwrap()));
    }

    #[test]
    fn parts_are_replaced_and_their_settings_default() {
        let objective = read(
            "name = 'grpo'\nloss = { name = 'grpo', clip = { high = 0.3 } }\nadvantage = { name = 'rloo' }\n\
             aggregation = { mode = 'constant-length', length = 64 }\nimportance = { mode = 'truncate', cap = 2.0 }\nkl = { coefficient = 0.1 }",
        )
        .unwrap();
        assert_eq!(objective.loss, crate::loss::Grpo { clip: Clip { low: 0.2, high: 0.3, dual: None } }.into());
        assert_eq!(objective.advantage.name(), "rloo");
        assert_eq!(objective.kl.coefficient, 0.1);
        assert_eq!(objective.aggregation, Aggregation::ConstantLength { length: 64 });
    }

    #[test]
    fn a_bound_that_is_left_out_is_that_of_the_loss() {
        let bounds =
            |loss: &str, clip: &str| read(&format!("name = '{loss}'\nloss = {{ name = '{loss}', clip = {{ {clip} }} }}")).map(|objective| objective.loss);
        let clip = |low: f64, high: f64| Clip { low, high, dual: None };
        assert_eq!(bounds("cispo", "high = 3.0"), Ok(crate::loss::Cispo { clip: clip(1.0, 3.0) }.into()));
        assert_eq!(bounds("gspo", "high = 0.001"), Ok(crate::loss::Gspo { clip: clip(3e-4, 0.001) }.into()));
        assert_eq!(bounds("gmpo", "low = 0.2"), Ok(crate::loss::Gmpo { clip: clip(0.2, 0.4) }.into()));
        assert_eq!(bounds("ppo", "high = 0.3"), bounds("ppo", "low = 0.2, high = 0.3"));
        assert!(bounds("cispo", "hihg = 3.0").unwrap_err().contains("hihg"));
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(read("name = 'grpo'\nloss = { name = 'grpo', clop = 1 }").unwrap_err().contains("clop"));
        assert!(read("name = 'grpo'\nloss = { name = 'gropo' }").is_err());
        assert!(read("name = 'grpo'\nklp = 1").is_err());
    }

    #[test]
    fn every_composition_survives_json() {
        for name in crate::objective::NAMES {
            let objective = Objective::named(name).unwrap();
            let text = serde_json::to_string(&objective).unwrap();
            assert_eq!(serde_json::from_str::<Objective>(&text).unwrap(), objective, "{name}");
        }
    }
}
