//! `Report`: the verdicts on the rules, as a table and as JSON.

use super::{Rule, Severity};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The result of a check: one row for each rule that applies to the kind of object.
///
/// `Display` prints a table.
///
/// ```
/// use mapisync::abi::IUnknown;
/// use mapisync::testing::conformance;
/// use mapisync::{Class, ComObject};
///
/// struct Plain;
/// impl Class for Plain {
///     type Interfaces = (IUnknown,);
/// }
///
/// let report = conformance::check_unknown(&ComObject::new(Plain).cast::<IUnknown>()?);
/// assert!(report.passed(), "{report}");
/// assert_eq!(report.rows()[0].rule.id, "com-counts");
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    rows: Vec<Row>,
}

/// The verdict on one rule.
///
/// ```
/// use mapisync::testing::conformance::{RULES, Row, Verdict};
///
/// let row = Row { rule: &RULES[0], verdict: Verdict::Passed };
/// assert_eq!(
///     row.to_json(),
///     "{\"id\":\"com-counts\",\
///      \"rule\":\"QueryInterface adds one reference, which one Release takes back.\",\
///      \"source\":\"COM's rules\",\"severity\":\"F\",\"verdict\":\"passed\",\"seen\":null}"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The rule.
    pub rule: &'static Rule,
    /// The verdict.
    pub verdict: Verdict,
}

/// Whether an object keeps a rule.
///
/// ```
/// use mapisync::testing::conformance::Verdict;
/// let verdict = Verdict::Failed("Done was called 2 times".into());
/// assert_eq!(verdict.name(), "failed");
/// assert_eq!(verdict.seen(), Some("Done was called 2 times"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The object keeps the rule.
    Passed,
    /// The object breaks a rule that a page or COM states. The string says what was seen.
    Failed(String),
    /// The object breaks a rule that is inferred or recommended. The string says what was seen.
    Warned(String),
    /// The rule was not checked. The string says why.
    NotApplicable(String),
}

impl Verdict {
    /// The verdict in lower case, as in the table and in JSON.
    ///
    /// ```
    /// use mapisync::testing::conformance::Verdict;
    /// assert_eq!(Verdict::NotApplicable(String::new()).name(), "not applicable");
    /// ```
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Warned(_) => "warned",
            Verdict::NotApplicable(_) => "not applicable",
        }
    }

    /// Returns the violation that was seen, or the reason why the rule was not checked. It is `None`
    /// if the object keeps the rule.
    ///
    /// ```
    /// use mapisync::testing::conformance::Verdict;
    /// assert_eq!(Verdict::Passed.seen(), None);
    /// ```
    pub fn seen(&self) -> Option<&str> {
        match self {
            Verdict::Passed => None,
            Verdict::Failed(seen) | Verdict::Warned(seen) | Verdict::NotApplicable(seen) => {
                Some(seen)
            }
        }
    }
}

impl Row {
    /// Makes the row of a rule that the object breaks. The rule's severity decides whether it fails
    /// or warns.
    ///
    /// ```
    /// use mapisync::testing::conformance::{RULES, Row, Verdict};
    /// let row = Row::broken(&RULES[0], "the process crashed");
    /// assert_eq!(row.verdict, Verdict::Failed("the process crashed".into()));
    /// ```
    pub fn broken(rule: &'static Rule, seen: impl Into<String>) -> Row {
        let verdict = match rule.severity() {
            Severity::Fails => Verdict::Failed(seen.into()),
            Severity::Warns => Verdict::Warned(seen.into()),
        };
        Row { rule, verdict }
    }

    /// Converts the row to a JSON object. [`Row`] has an example.
    ///
    /// ```
    /// use mapisync::testing::conformance::{RULES, Row};
    /// let json = Row::broken(&RULES[0], "the process crashed").to_json();
    /// assert!(json.contains(r#""verdict":"failed","seen":"the process crashed""#));
    /// ```
    pub fn to_json(&self) -> String {
        let Row { rule, verdict } = self;
        format!(
            "{{\"id\":{},\"rule\":{},\"source\":{},\"severity\":\"{}\",\"verdict\":\"{}\",\"seen\":{}}}",
            quoted(rule.id),
            quoted(rule.sentence),
            quoted(&format!("{}", rule.source)),
            rule.severity(),
            verdict.name(),
            verdict.seen().map_or_else(|| "null".into(), quoted),
        )
    }
}

/// Returns a JSON string.
fn quoted(string: &str) -> String {
    let mut json = String::from("\"");
    for character in string.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1F' => json += &format!("\\u{:04x}", u32::from(character)),
            _ => json.push(character),
        }
    }
    json.push('"');
    json
}

impl Report {
    /// The rows, in the order of [`RULES`](super::RULES).
    ///
    /// ```
    /// # use mapisync::testing::conformance::Report;
    /// fn print(report: &Report) {
    ///     for row in report.rows() {
    ///         println!("{}: {}", row.rule.id, row.verdict.name());
    ///     }
    /// }
    /// ```
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns whether no rule failed. Warnings are allowed.
    ///
    /// ```
    /// use mapisync::testing::conformance::Report;
    /// assert!(Report::default().passed());
    /// ```
    pub fn passed(&self) -> bool {
        self.count("failed") == 0
    }

    /// Returns the ids of the rules that failed or warned.
    ///
    /// ```
    /// use mapisync::testing::conformance::{RULES, Report, Row};
    /// let report = Report::from_iter([Row::broken(&RULES[0], "the count is 3 and not 2")]);
    /// assert_eq!(report.broken(), ["com-counts"]);
    /// ```
    pub fn broken(&self) -> Vec<&'static str> {
        let rows = self.rows.iter();
        let is_broken = |row: &&Row| matches!(row.verdict, Verdict::Failed(_) | Verdict::Warned(_));
        rows.filter(is_broken).map(|row| row.rule.id).collect()
    }

    /// Converts the report to JSON: an object with the number of rows by verdict, and the `rows`.
    ///
    /// ```
    /// use mapisync::testing::conformance::Report;
    /// let json = "{\"passed\":0,\"failed\":0,\"warned\":0,\"not applicable\":0,\"rows\":[]}";
    /// assert_eq!(Report::default().to_json(), json);
    /// ```
    pub fn to_json(&self) -> String {
        let counts = VERDICTS.map(|name| format!("\"{name}\":{}", self.count(name)));
        let rows: Vec<String> = self.rows.iter().map(Row::to_json).collect();
        format!("{{{},\"rows\":[{}]}}", counts.join(","), rows.join(","))
    }

    fn count(&self, verdict: &str) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row.verdict.name() == verdict).count()
    }
}

const VERDICTS: [&str; 4] = ["passed", "failed", "warned", "not applicable"];

/// Collects rows, for instance those that another process has sent.
impl FromIterator<Row> for Report {
    fn from_iter<T: IntoIterator<Item = Row>>(rows: T) -> Report {
        Report { rows: rows.into_iter().collect() }
    }
}

/// Prints a line for each rule: the verdict, the severity, the id, the sentence and the source. Unless
/// the rule passed, the next line says what was seen, or why the rule was not checked. The last line
/// has the numbers of verdicts.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.rows.iter().map(|row| row.rule.id.len());
        let width = ids.max().unwrap_or(0);
        for Row { rule, verdict } in &self.rows {
            let (name, severity) = (verdict.name(), rule.severity());
            let Rule { id, sentence, source, .. } = rule;
            writeln!(f, "{name:14}  {severity}  {id:width$}  {sentence} ({source})")?;
            if let Some(seen) = verdict.seen() {
                writeln!(f, "{:21}{seen}", "")?;
            }
        }
        let counts = VERDICTS.map(|name| format!("{} {name}", self.count(name)));
        f.write_str(&counts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::RULES;
    use super::*;

    #[test]
    fn strings_are_escaped_in_json() {
        assert_eq!(quoted("a\"b\\c\n«d»"), r#""a\"b\\c\u000a«d»""#);
    }

    #[test]
    fn the_table_says_what_was_seen_and_why() {
        let rule = |id| Rule::named(id);
        let report = Report::from_iter([
            Row { rule: rule("returns"), verdict: Verdict::Passed },
            Row::broken(rule("done-once"), "Done was called 2 times"),
            Row::broken(rule("short-size"), "the call succeeded"),
            Row {
                rule: rule("lasting-thread"),
                verdict: Verdict::NotApplicable("other threads run".into()),
            },
        ]);
        let expected = "\
passed          F  returns         SynchronizeInBackground returns a code. (IMAPISync::SynchronizeInBackground)
failed          F  done-once       The store calls Done exactly once in each run. (IMAPISyncProgressCallback::Done)
                     Done was called 2 times
warned          W  short-size      A call fails if ulSize is less than the size of MAPISIB. (this crate's recommendation)
                     the call succeeded
not applicable  W  lasting-thread  A run leaves no thread behind. (this crate's recommendation)
                     other threads run
1 passed, 1 failed, 1 warned, 1 not applicable";
        assert_eq!(report.to_string(), expected);
        assert!(!report.passed());
    }

    #[test]
    fn ids_are_unique_and_sentences_are_whole() {
        for (n, rule) in RULES.iter().enumerate() {
            assert!(RULES[..n].iter().all(|other| other.id != rule.id), "{}", rule.id);
            assert!(rule.sentence.ends_with('.'), "{}", rule.id);
        }
    }
}
