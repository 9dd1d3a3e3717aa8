//! The expansion of `com_interface!` for one interface.

/// The parts of an interface. It is not part of the public API: call
/// [`com_interface!`](crate::com_interface).
///
/// `$unsafe` matches no token. It only counts, per method, whether `unsafe` was there, so that the
/// expansion can repeat the keyword.
#[doc(hidden)]
#[macro_export]
macro_rules! com_interface_parts {
    (
        [$($attribute:tt)*] [$visibility:vis] $interface:ident [$base:ty] [$iid:literal]
        $(#[$vtable_attribute:meta])* vtable $vtable:ident;
        $(#[$trait_attribute:meta])* trait $trait:ident $(: $supertrait:path)?;
        $(#[$calls_attribute:meta])* calls $calls:ident;
        free_threaded;
        $($methods:tt)*
    ) => {
        $crate::com_interface_parts! {
            [$($attribute)*] [$visibility] $interface [$base] [$iid]
            $(#[$vtable_attribute])* vtable $vtable;
            $(#[$trait_attribute])* trait $trait $(: $supertrait)?;
            $(#[$calls_attribute])* calls $calls;
            $($methods)*
        }

        // SAFETY: the author of `free_threaded;` states that the contract holds.
        unsafe impl $crate::FreeThreaded for $interface {}
    };

    (
        [$($attribute:tt)*] [$visibility:vis] $interface:ident [$base:ty] [$iid:literal]
        $(#[$vtable_attribute:meta])* vtable $vtable:ident;
        $(#[$trait_attribute:meta])* trait $trait:ident $(: $supertrait:path)?;
        $(#[$calls_attribute:meta])* calls $calls:ident;
        forwards $forward:ident;
        $($methods:tt)*
    ) => {
        $crate::com_interface_parts! {
            @interface [$calls $forward] [$($attribute)*] [$visibility] $interface [$base] [$iid]
            $(#[$vtable_attribute])* vtable $vtable;
            $(#[$trait_attribute])* trait $trait $(: $supertrait)?;
            $(#[$calls_attribute])* calls $calls;
            $($methods)*
        }
    };

    (
        [$($attribute:tt)*] [$visibility:vis] $interface:ident [$base:ty] [$iid:literal]
        $(#[$vtable_attribute:meta])* vtable $vtable:ident;
        $(#[$trait_attribute:meta])* trait $trait:ident $(: $supertrait:path)?;
        $(#[$calls_attribute:meta])* calls $calls:ident;
        $($methods:tt)*
    ) => {
        $crate::com_interface_parts! {
            @interface [] [$($attribute)*] [$visibility] $interface [$base] [$iid]
            $(#[$vtable_attribute])* vtable $vtable;
            $(#[$trait_attribute])* trait $trait $(: $supertrait)?;
            $(#[$calls_attribute])* calls $calls;
            $($methods)*
        }
    };

    // `$forwards` is `[]`, or the trait of the calls and the name that `forwards` declares.
    (
        @interface $forwards:tt [$($attribute:tt)*] [$visibility:vis] $interface:ident [$base:ty] [$iid:literal]
        $(#[$vtable_attribute:meta])* vtable $vtable:ident;
        $(#[$trait_attribute:meta])* trait $trait:ident $(: $supertrait:path)?;
        $(#[$calls_attribute:meta])* calls $calls:ident;
        $(
            $(#[$method_attribute:meta])*
            $(unsafe $(@ $unsafe:tt)?)? fn $method:ident ($($argument:ident: $type:ty),* $(,)?)
            $(-> $result:ty $(= $after_panic:expr)?)?;
        )*
    ) => {
        $($attribute)*
        #[doc = ""]
        #[doc = ::core::concat!("Its IID is `", $iid, "`, and its base is `", ::core::stringify!($base), "`.")]
        #[doc = ::core::concat!("[`", ::core::stringify!($trait), "`] implements it, and")]
        #[doc = ::core::concat!("[`", ::core::stringify!($calls), "`] calls it.")]
        #[repr(C)]
        #[allow(non_snake_case, dead_code)]
        $visibility struct $interface {
            /// The vtable.
            pub lpVtbl: *const $vtable,
        }

        $(#[$vtable_attribute])*
        #[doc = ""]
        #[doc = ::core::concat!("The vtable of [`", ::core::stringify!($interface), "`].")]
        #[repr(C)]
        #[allow(non_snake_case, dead_code)]
        $visibility struct $vtable {
            #[doc = ::core::concat!("The slots of the base, `", ::core::stringify!($base), "`.")]
            pub base: <$base as $crate::Interface>::Vtbl,
            $(
                $(#[$method_attribute])*
                #[doc = ""]
                #[doc = ::core::concat!("The slot of `", ::core::stringify!($method), "`.")]
                pub $method: unsafe extern "system" fn(this: *mut $interface $(, $argument: $type)*) $(-> $result)?,
            )*
        }

        $crate::struct_layout! { $interface { lpVtbl: *const $vtable } }
        $crate::vtable_layout! {
            $vtable { base: <$base as $crate::Interface>::Vtbl $(, $method)* }
        }

        $(#[$trait_attribute])*
        #[doc = ""]
        #[doc = ::core::concat!(
            "The methods of [`", ::core::stringify!($interface), "`]. Implement it for a type that lists",
            " the interface in its `Class`."
        )]
        #[allow(non_snake_case, unused_variables, dead_code, clippy::too_many_arguments)]
        #[diagnostic::on_unimplemented(
            note = "a type that lists the interface, or one that extends it, in `Class::Interfaces` must implement \
                    this trait; the methods that it leaves out return `MAPI_E_NO_SUPPORT`"
        )]
        $visibility trait $trait $(: $supertrait)? {
            $crate::com_interface_parts!(@forward $forwards $interface);

            $(
                $(#[$method_attribute])*
                #[doc = ""]
                #[doc = $crate::com_interface_parts!(@documentation $forwards)]
                #[doc = $crate::com_interface_parts!(@documentation $($result $(= $after_panic)?)?)]
                $(
                    #[doc = "\n# Safety\n"]
                    #[doc = "The arguments must be valid as the documentation of the interface requires."]
                    unsafe $($unsafe)?
                )? fn $method(&self $(, $argument: $type)*)
                    -> $crate::com_interface_parts!(@result $($result $(= $after_panic)?)?)
                {
                    $crate::com_interface_parts!(@try_forward $forwards self $method [$($argument)*] $($result $(= $after_panic)?)?);
                    $crate::com_interface_parts!(@default $($result $(= $after_panic)?)?)
                }
            )*
        }

        $(#[$calls_attribute])*
        #[doc = ""]
        #[doc = ::core::concat!(
            "The calls of [`", ::core::stringify!($interface), "`], for a `ComPtr` or a `ComRef` to it or to an",
            " interface that extends it."
        )]
        #[allow(non_snake_case, dead_code, clippy::too_many_arguments)]
        $visibility trait $calls {
            $(
                $(#[$method_attribute])*
                #[doc = ""]
                #[doc = ::core::concat!("Calls `", ::core::stringify!($method), "` and returns its result.")]
                $(
                    #[doc = "\n# Safety\n"]
                    #[doc = "The arguments must be valid as the documentation of the interface requires."]
                    unsafe $($unsafe)?
                )? fn $method(&self $(, $argument: $type)*) $(-> $result)?;
            )*
        }

        #[allow(non_snake_case)]
        impl<MapisyncInterface: $crate::Extends<$interface>> $calls for $crate::ComPtr<MapisyncInterface> {
            $(
                #[inline]
                $(unsafe $($unsafe)?)? fn $method(&self $(, $argument: $type)*) $(-> $result)? {
                    let (vtable, this) = $crate::com_interface_private::this::<MapisyncInterface, $interface>(self);
                    // SAFETY: the object is alive and does not unwind, by the invariant of `ComPtr`.
                    // Its vtable begins with that of this interface, by the contract of `Extends`. An
                    // argument is a `PlainArgument`, or valid by this function's contract.
                    unsafe { ((*vtable).$method)(this $(, $argument)*) }
                }
            )*
        }

        const _: () = {
            // These names cannot collide with names in the user's types.
            use $crate::com_interface_private as mapisync_;

            const MAPISYNC_IID_: $crate::GUID = mapisync_::iid(
                $iid,
                ::core::concat!(
                    "the IID of `", ::core::stringify!($interface), "` is malformed: \"", $iid,
                    "\" instead of 8-4-4-4-12 hexadecimal digits"
                ),
            );

            // SAFETY: the struct is `repr(C)` and consists of one pointer to the vtable. The vtable
            // is `repr(C)` and begins with that of the base, which `vtable_layout!` proves. The
            // author of an `unsafe interface` states that slots and IID are those of the interface.
            unsafe impl $crate::Interface for $interface {
                type Vtbl = $vtable;
                type Base = $base;
                const IID: $crate::GUID = MAPISYNC_IID_;
            }

            // SAFETY: the chain of this interface is its base, and the chain of that.
            unsafe impl<MapisyncInterface: $crate::Interface> $crate::Extends<MapisyncInterface> for $interface
            where
                $base: $crate::Extends<MapisyncInterface>,
            {
            }

            $($crate::com_interface_parts!(@check [$(unsafe $($unsafe)?)?] $($type,)*);)*

            $(
                #[allow(non_snake_case, clippy::too_many_arguments)]
                #[deny(improper_ctypes_definitions)]
                unsafe extern "system" fn $method<MapisyncClass: $crate::Class + $trait, const MAPISYNC_INDEX: usize>(
                    this: *mut $interface $(, $argument: $type)*
                ) $(-> $result)? {
                    // SAFETY: only the vtable of this index contains this function, so `this` points
                    // to interface `MAPISYNC_INDEX` of an object with this payload. COM requires its
                    // caller to hold a reference, and to pass arguments that are valid by the
                    // documentation of the interface.
                    unsafe {
                        $crate::com_interface_parts!(
                            @thunk [$($result $(= $after_panic)?)?] [MapisyncClass, MAPISYNC_INDEX] this,
                            |object| <MapisyncClass as $trait>::$method(object $(, $argument)*)
                        )
                    }
                }
            )*

            // SAFETY: the vtable has the base's slots for the same index, which begin with those of
            // `Thunk`, and a thunk for every other slot. A thunk only borrows the payload, which is
            // `Send + Sync`. It catches panics. It neither adds nor releases a reference.
            unsafe impl<T: $crate::Class + $trait, const INDEX: usize> $crate::ImplementedBy<T, INDEX> for $interface
            where
                $base: $crate::ImplementedBy<T, INDEX>,
            {
                const VTABLE: &'static $vtable = &$vtable {
                    base: mapisync_::base::<$base, T, INDEX>(),
                    $($method: $method::<T, INDEX>,)*
                };
            }
        };
    };

    // The type that the trait's method returns, what it returns if it is not implemented, and the
    // sentence about that.
    (@result) => { () };
    (@result $result:ty) => { $crate::Result<$result> };
    (@result $result:ty = $after_panic:expr) => { $result };
    (@default) => { () };
    (@default $result:ty) => { ::core::result::Result::Err($crate::HRESULT::MAPI_E_NO_SUPPORT.into()) };
    (@default $result:ty = $after_panic:expr) => { $after_panic };
    (@documentation []) => { "" };
    (@documentation [$calls:ident $forward:ident]) => {
        ::core::concat!("If it is not implemented, it calls the object that `", ::core::stringify!($forward), "` returns.\n\nWithout such an object:")
    };
    (@documentation) => { "If it is not implemented, it does nothing." };
    (@documentation $result:ty) => { "If it is not implemented, it returns `MAPI_E_NO_SUPPORT`." };
    (@documentation $result:ty = $after_panic:expr) => {
        ::core::concat!("If it is not implemented, or panics, it returns `", ::core::stringify!($after_panic), "`.")
    };

    // The trait's method that names the object to forward to.
    (@forward [] $interface:ident) => {};
    (@forward [$calls:ident $forward:ident] $interface:ident) => {
        /// Returns the object to which the methods that are not implemented are forwarded. By
        /// default there is none. It must always return the same object.
        fn $forward(&self) -> ::core::option::Option<&$crate::ComPtr<impl $crate::Extends<$interface>>> {
            ::core::option::Option::None::<&$crate::ComPtr<$interface>>
        }
    };

    // Returns the result of the object to forward to, if there is one.
    (@try_forward [] $self:ident $method:ident [$($argument:ident)*] $($result:ty $(= $after_panic:expr)?)?) => {};
    (@try_forward [$calls:ident $forward:ident] $self:ident $method:ident [$($argument:ident)*]
        $($result:ty $(= $after_panic:expr)?)?
    ) => {
        if let ::core::option::Option::Some(forward) = $self.$forward() {
            // SAFETY: the contract of the method is the same for both objects. It is this function's,
            // if it is unsafe.
            #[allow(unused_unsafe)]
            let result = unsafe { $calls::$method(forward $(, $argument)*) };
            return $crate::com_interface_parts!(@forwarded result $($result $(= $after_panic)?)?);
        }
    };
    (@forwarded $value:ident) => { $value };
    (@forwarded $value:ident $result:ty) => { $crate::com_interface_private::ok_code($value) };
    (@forwarded $value:ident $result:ty = $after_panic:expr) => { $value };

    // Compiles only if safe code may pass the arguments of a plain `fn`.
    (@check [unsafe] $($type:ty,)*) => {};
    (@check [] $($type:ty,)*) => { $(mapisync_::plain::<$type>();)* };

    // The body of a thunk.
    (@thunk [] [$class:ident, $index:ident] $this:ident, $method:expr) => {
        $crate::Thunk::<$class, $index>::call_or($this, (), $method)
    };
    (@thunk [$result:ty] [$class:ident, $index:ident] $this:ident, $method:expr) => {
        $crate::com_interface_private::call::<$class, $index, _, $result>($this, $method)
    };
    (@thunk [$result:ty = $after_panic:expr] [$class:ident, $index:ident] $this:ident, $method:expr) => {{
        const MAPISYNC_AFTER_PANIC_: $result = $after_panic;
        $crate::Thunk::<$class, $index>::call_or($this, MAPISYNC_AFTER_PANIC_, $method)
    }};
}
