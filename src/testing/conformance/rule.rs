//! `Rule`: the table of the rules that the kit checks.

use core::fmt;

/// A rule that an object must keep, or should keep.
///
/// ```
/// use mapisync::testing::conformance::{RULES, Severity};
///
/// let rule = RULES.iter().find(|rule| rule.id == "done-once").unwrap();
/// assert_eq!(rule.sentence, "The store calls Done exactly once in each run.");
/// assert_eq!(rule.severity(), Severity::Fails);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The name of the rule. It is unique and stays the same in later versions.
    pub id: &'static str,
    /// The objects to which the rule applies.
    pub subject: Subject,
    /// The rule in one sentence.
    pub sentence: &'static str,
    /// The source of the rule.
    pub source: Source,
}

/// The objects to which a rule applies.
///
/// ```
/// use mapisync::testing::conformance::{RULES, Subject};
/// assert!(RULES.iter().any(|rule| rule.subject == Subject::Callback));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Every object, stores and callbacks included.
    Object,
    /// A callback.
    Callback,
    /// A store.
    Provider,
}

/// The source of a rule.
///
/// ```
/// use mapisync::testing::conformance::Source;
/// assert_eq!(Source::Inferred("MAPISIB").to_string(), "inferred from MAPISIB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// COM's rules state it: Microsoft's pages on `IUnknown` and on implementing `QueryInterface`.
    Com,
    /// This page of Microsoft's documentation of MAPI states it.
    Stated(&'static str),
    /// No page states it. This crate infers it from this one.
    Inferred(&'static str),
    /// No page says anything about it. This crate recommends it.
    Recommendation,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Com => f.write_str("COM's rules"),
            Source::Stated(page) => f.write_str(page),
            Source::Inferred(page) => write!(f, "inferred from {page}"),
            Source::Recommendation => f.write_str("this crate's recommendation"),
        }
    }
}

/// The consequence for an object that breaks a rule.
///
/// `Display` prints one letter: `F` or `W`.
///
/// ```
/// use mapisync::testing::conformance::Severity;
/// assert_eq!(Severity::Warns.to_string(), "W");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The object fails the check. A page or COM states the rule.
    Fails,
    /// The report has a warning. The rule is inferred or recommended, so an object may break it.
    Warns,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Fails => "F",
            Severity::Warns => "W",
        })
    }
}

impl Rule {
    /// Returns the consequence for an object that breaks the rule. The source decides it.
    ///
    /// ```
    /// use mapisync::testing::conformance::{RULES, Severity, Source};
    /// for rule in RULES {
    ///     let is_stated = matches!(rule.source, Source::Com | Source::Stated(_));
    ///     assert_eq!(rule.severity() == Severity::Fails, is_stated);
    /// }
    /// ```
    pub fn severity(&self) -> Severity {
        match self.source {
            Source::Com | Source::Stated(_) => Severity::Fails,
            Source::Inferred(_) | Source::Recommendation => Severity::Warns,
        }
    }

    /// Returns the rule with this id.
    pub(super) fn named(id: &str) -> &'static Rule {
        let mut rules = RULES.iter();
        rules.find(|rule| rule.id == id).expect("a rule of the table")
    }
}

const fn object(id: &'static str, sentence: &'static str) -> Rule {
    Rule { id, subject: Subject::Object, sentence, source: Source::Com }
}

const fn callback(id: &'static str, source: Source, sentence: &'static str) -> Rule {
    Rule { id, subject: Subject::Callback, sentence, source }
}

const fn provider(id: &'static str, source: Source, sentence: &'static str) -> Rule {
    Rule { id, subject: Subject::Provider, sentence, source }
}

const MAPISIB: &str = "MAPISIB";
const SYNCHRONIZE: &str = "IMAPISync::SynchronizeInBackground";
const PROGRESS: &str = "IMAPISyncProgressCallback::Progress";
const ERROR: &str = "IMAPISyncProgressCallback::Error";
const DONE: &str = "IMAPISyncProgressCallback::Done";
const THREADS: &str = "MAPI's pages on threads";

/// All rules, in the order in which a report has them.
///
/// ```
/// for rule in mapisync::testing::conformance::RULES {
///     println!("{} {}: {} ({})", rule.severity(), rule.id, rule.sentence, rule.source);
/// }
/// ```
#[rustfmt::skip] // one rule a line
pub const RULES: &[Rule] = &[
    object("com-counts", "QueryInterface adds one reference, which one Release takes back."),
    object("com-static-set", "QueryInterface for an IID always succeeds, or always fails."),
    object("com-identity", "QueryInterface for IUnknown returns the same pointer from every interface."),
    object("com-reflexivity", "QueryInterface of an interface for its own IID succeeds."),
    object("com-symmetry", "If QueryInterface of interface A finds B, that of B finds A."),
    object("com-transitivity", "If QueryInterface of A finds B, and that of B finds C, that of A finds C."),
    object("com-no-interface", "QueryInterface for an IID that the object does not have returns E_NOINTERFACE."),
    object("com-out-parameter", "QueryInterface stores a pointer if it succeeds, and NULL if it fails."),
    object("com-null-ppv", "QueryInterface with a NULL ppvObject returns E_POINTER."),

    callback("callback-any-thread", Source::Stated(THREADS), "The callback accepts calls on any thread, and on several at once."),
    callback("callback-null-step", Source::Stated(PROGRESS), "Progress accepts a NULL string, to change only the position."),
    callback("callback-zero-maximum", Source::Recommendation, "Progress accepts a maximum of 0, for an unknown total."),
    callback("callback-warning", Source::Stated(ERROR), "Error accepts a success code, for a warning."),
    callback("callback-null-message", Source::Recommendation, "Error accepts a NULL string."),
    callback("callback-null-event", Source::Stated(DONE), "Done accepts a NULL event."),
    callback("callback-counts", Source::Com, "Calls leave the reference count of the callback as it was."),

    provider("returns", Source::Stated(SYNCHRONIZE), "SynchronizeInBackground returns a code."),
    provider("done-once", Source::Stated(DONE), "The store calls Done exactly once in each run."),
    provider("nothing-after-done", Source::Stated(DONE), "The store calls neither Progress nor Error after Done."),
    provider("event-returned", Source::Inferred(MAPISIB), "The store returns an event for each run."),
    provider("done-before-event", Source::Inferred(MAPISIB), "The store calls Done before it signals the event."),
    provider("event-after-success", Source::Stated(MAPISIB), "The event of a run that succeeds is signaled."),
    provider("event-after-failure", Source::Stated(MAPISIB), "The event of a run that fails is signaled."),
    provider("index-within-max", Source::Inferred(PROGRESS), "The index of Progress is at most its maximum, unless the maximum is 0."),
    provider("in-background", Source::Inferred(SYNCHRONIZE), "The store calls the callback on a thread of its own."),
    provider("run-counts", Source::Com, "A run leaves the reference counts of the store, the callback and the session as they were."),
    provider("cancel-honored", Source::Inferred(PROGRESS), "If Progress fails, the store stops within a few calls of Progress."),
    provider("cancel-status", Source::Inferred(PROGRESS), "A run that was canceled passes the code of Progress to Done."),
    provider("event-after-cancel", Source::Stated(MAPISIB), "The event of a run that was canceled is signaled."),
    provider("short-size", Source::Recommendation, "A call fails if ulSize is less than the size of MAPISIB."),
    provider("long-size", Source::Recommendation, "A call succeeds if ulSize is more than the size of MAPISIB."),
    provider("unknown-flags", Source::Recommendation, "A call succeeds if ulFlags has bits without a name."),
    provider("callback-without-interface", Source::Recommendation, "If the callback object lacks the interface, the call fails, or its event is signaled."),
    provider("failed-call-counts", Source::Com, "A call that fails leaves the reference count of the callback object as it was."),
    provider("failed-call", Source::Inferred(SYNCHRONIZE), "A call that fails calls nothing, and returns no event."),
    provider("second-call", Source::Recommendation, "A second call while a run is in progress returns, with success or failure."),
    provider("parallel-runs", Source::Recommendation, "Several calls at the same time are refused or run to their end."),
    provider("lasting-thread", Source::Recommendation, "A run leaves no thread behind."),
    provider("lasting-handle", Source::Recommendation, "A run leaves no handle open."),
    provider("null-request", Source::Recommendation, "A call with a NULL MAPISIB fails."),
    provider("null-event-location", Source::Recommendation, "A call with a NULL phSyncDoneEvent fails."),
    provider("null-callback", Source::Recommendation, "A call with a NULL punkCallBack fails, or its event is signaled."),
];
