/* SPDX-License-Identifier: Apache-2.0 */
/* Names as compilers of C++, Rust and D make them. */
#include "config.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static const char *const names[] = {
	"_Z3foov",
	"_Z3foov.isra.0.part.1.cold",
	"_Z3foov@plt",
	"_ZN4ceph6buffer4list6appendEPKcj@@V_1",
	"_ZNSt6vectorIiSaIiEE9push_backEOi",
	"_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7compareEPKc",
	"_ZZN3foo3barEvENKUlT_T0_E_clIiJLi1ELi2EEEEDaS0_S1_",
	"_ZN5boost6fusion6detail17for_each_dispatchINS0_4consIiNS0_4nil_EEES4_"
	"EE"
	"vRT_RKT0_",
	"_ZThn16_N1A1fEv",
	"_ZGVZN1a1bEvE1c",
	"_RNvCs1234_7mycrate3foo",
	"_RINvNtC3std3mem8align_ofjE",
	"_RNvMs_NtCs5l0EXMQXRMU_21rustc_data_structures17obligation_forest"
	"INtB4_16ObligationForestpE22register_obligation_at",
	"_RNCNvC1a4main0B3_",
	"_RNvNtNtCsbmNqQUJIY6D_4core3foo3bar",
	"_RINvC1a1fFG1_RL0_RL1_hEuE",
	/* 2^59 lifetimes, in what is skipped. */
	"_RNvMMMs_NtCsRMU_2esFGobligation_hEuE3f",
	"_ZN4core3fmt5write17h0123456789abcdefE",
	"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test"
	"$GT$$GT$3bar17h930b740aa94f1d3aE",
	"_D3std5stdio4File5closeMFZv",
	"_D3std9algorithm__T3mapVAyaa4_615b305dZ__TQBdTAiZQBkMFQhZv",
	"_D6object9Throwable8toStringMxFMDFIAaZvZv",
};

void fuzz_seeds(fuzz_take_fn take, void *ctx)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		take(ctx, names[i], strlen(names[i]));
}
