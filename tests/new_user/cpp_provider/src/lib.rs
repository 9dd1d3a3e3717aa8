//! A provider in C++, and its conformance report.

#[cfg(test)]
mod tests {
    use mapisync::testing::conformance;
    use mapisync::{ComPtr, GUID, HRESULT, abi::IMAPISync};
    use std::ffi::c_void;

    unsafe extern "system" {
        fn CreateMapiSync(riid: *const GUID, ppv: *mut *mut c_void) -> HRESULT;
    }

    #[test]
    fn conforms() {
        // SAFETY: the function creates an object by the rules of COM.
        let sync =
            unsafe { ComPtr::<IMAPISync>::create_with(|riid, ppv| CreateMapiSync(riid, ppv)) }
                .unwrap();
        let report = conformance::check_provider(&sync);
        assert!(report.passed(), "{report}");
    }
}
