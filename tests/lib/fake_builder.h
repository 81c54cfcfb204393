/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What tests and fake_builder.c have in common.
 */
#ifndef LIB_FAKE_BUILDER_H
#define LIB_FAKE_BUILDER_H

/** The first unit of split DWARF that files lack: not a small number. */
#define FAKE_SPLIT_ID UINT64_C(0xfffffffffffff000)

#endif
