//! mapisync's conformance kit finds nothing in the wrapped store.

use crate::stand_in::host::Host;
use mapisync::Interface;
use mapisync::testing::conformance::{Conformance, Report};
use wrapped_store32::mapi::{IMAPIProp, IMsgStore};

fn assert_clean(report: &Report) {
    assert!(report.passed() && report.broken().is_empty(), "{report}");
}

#[test]
fn the_store_keeps_the_rules_of_com_and_of_mapi() {
    let host = Host::new();
    for n in 0..3 {
        let mail = format!("Message-ID: <{n}@x>\n\nText\n");
        host.mail(&format!("new/{n}.host"), &mail);
    }
    let options = Conformance::new().iid(IMsgStore::IID).iid(IMAPIProp::IID);
    // SAFETY: the objects are of mapisync, whose methods check their arguments.
    let options = unsafe { options.null_arguments() };
    let store = host.log_on();
    assert_clean(&options.check_unknown(&store));
    assert_clean(&options.check_provider(&store.cast().unwrap()));
    assert_eq!(host.messages().len(), 3, "each once");
}
