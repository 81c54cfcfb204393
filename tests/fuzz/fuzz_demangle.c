/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mangled name. Input: the name, up to its first NUL.
 *
 * Beyond what the sanitizers see: the text is bounded, and nothing is left
 * behind where there is none.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "symtab/symtab_demangle.h"
#include "symtab/symtab_format.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf name = BUF_INIT, out = BUF_INIT;

	buf_append(&name, data, strnlen((const char *)data, size));
	enum symtab_demangled what = symtab_demangle(buf_str(&name), &out);

	assert(!out.failed && out.size <= SYMTAB_NAME_MAX + 4);
	assert(what == SYMTAB_DEMANGLED || !out.size);
	return 0;
}
