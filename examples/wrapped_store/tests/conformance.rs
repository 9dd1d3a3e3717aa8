//! mapisync's conformance kit finds nothing in the wrapped store.

mod stand_in;

use mapisync::testing::conformance::{Conformance, Report};
use mapisync::{ComPtr, Interface};
use stand_in::host::Host;
use wrapped_store32::mapi::{IMAPIProp, IMsgStore};

fn options() -> Conformance {
    let options = Conformance::new().iid(IMsgStore::IID).iid(IMAPIProp::IID);
    // SAFETY: the objects are of mapisync, whose methods check their arguments.
    unsafe { options.null_arguments() }
}

fn assert_clean(report: &Report) {
    assert!(report.passed() && report.broken().is_empty(), "{report}");
}

#[test]
fn the_store_keeps_the_rules_of_com_and_of_mapi() {
    let host = Host::new();
    for n in 0..3 {
        host.mail(
            &format!("new/{n}.host"),
            &format!("Message-ID: <{n}@x>\n\nText\n"),
        );
    }
    let store: ComPtr<IMsgStore> = host.log_on();
    assert_clean(&options().check_unknown(&store));
    let sync = store.cast().unwrap();
    assert_clean(&options().check_provider(&sync));
    assert_eq!(host.state.messages.lock().unwrap().len(), 3, "each once");
    drop((store, sync));
    host.finish();
}
