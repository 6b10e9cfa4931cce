// SPDX-License-Identifier: GPL-2.0

//! What a driver writes into the push buffers of channels: the methods of the classes, a file for
//! each family of classes.
//!
//! A method is a byte offset to which a channel sends 32 bits of data. The host executes the first
//! ones itself and forwards the others to an engine, which interprets them as the class of the
//! object on the subchannel says.

pub mod copy;
pub mod graphics;
pub mod host;
pub mod qmd;

/// NVIDIA's name of the method of a class at a byte offset, without the prefix of the class; `None`
/// if the class has no such method, or no file here names it.
///
/// Every class has the methods of the host.
pub fn method_name(class: u32, offset: u32) -> Option<&'static str> {
    if offset < host::method::END {
        return host::method::name(offset);
    }
    let offset = u16::try_from(offset).ok()?;
    match copy::Class::from_number(class) {
        Some(class) => copy::method(class, offset).map(|method| method.name),
        None => graphics::method_name(graphics::Class::from_number(class)?, offset),
    }
}

#[cfg(test)]
mod tests {
    use super::method_name;

    #[test]
    fn methods_have_the_names_of_their_classes() {
        // AMPERE_CHANNEL_GPFIFO_A, AMPERE_DMA_COPY_A and _B, AMPERE_B
        for (class, offset, name) in [
            (0xc56f, 0x6c, Some("SEM_EXECUTE")),
            (0xc7b5, 0, Some("SET_OBJECT")),
            (0xc7b5, 0x300, Some("LAUNCH_DMA")),
            (0xc7b5, 0x24c, Some("SET_SEMAPHORE_PAYLOAD_UPPER")),
            (0xc6b5, 0x24c, None),
            (0xc797, 0x1b0, Some("LAUNCH_DMA")),
            (0xc56f, 0x300, None),
            (0, 0x300, None),
            (0xc7b5, 0x38, None),
            (0xc7b5, 0x1_0300, None),
        ] {
            assert_eq!(method_name(class, offset), name, "{class:#x} {offset:#x}");
        }
    }
}
