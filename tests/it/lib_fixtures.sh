# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Programs to symbolize, compiled when they are asked for. Sourced after
# tests/it/lib.sh.
#
# make_fixture NAME DIR: puts it there and leaves, for whoever asks symbolizers,
#	fx_exec   what runs; the only one to have code; "" if it is fx_debug
#	fx_debug  what has the debugging information
#	fx_alt    what dwz took out of it, or ""
#	fx_dwos   .dwo files, fx_dwp  their package, or ""
#	fx_oracle the file to give to llvm-symbolizer and eu-addr2line
#	fx_names  the file whose symbols name functions
# Fails with $reason when a tool is missing. fixture_names lists them.

fixture_names='c-gcc c-gcc-dwarf4 c-gcc-dwarf3 c-gcc-dwarf2 c-gcc-O0 c-lto
c-clang cxx-gcc cxx-gcc-dwarf4 cxx-clang cxx-clang-dwarf4 split-dwo
split-dwo-dwarf4 split-dwo-clang split-dwp split-dwp-dwarf4 zlib zstd zdebug dwz
dwz-multi stripped-debug minidebuginfo symtab dynsym lld lld-aarch64 aarch64 arm
i386 s390x riscv64 module rust go'

# ---- Sources -----------------------------------------------------------------

# write_c_sources DIR COUNT: two units and a header, COUNT functions of six kinds
write_c_sources() {
	mkdir -p "$1/include" || return 1
	cat >"$1/include/deep.h" <<'END'
#ifndef DEEP_H
#define DEEP_H
extern volatile int sink;
extern int table[256];
void give_up(const char *why, int code) __attribute__((noreturn, cold));
int callback(int (*f)(int), int value);

static inline __attribute__((always_inline)) int deepest(int a, int b)
{
	sink += a;
	if (b & 1)
		sink ^= b;
	return a * 7 + b;
}

static inline __attribute__((always_inline)) int deeper(int a)
{
	int sum = 0;

	for (int i = 0; i < (a & 7); i++)
		sum += deepest(a, i);
	return sum + deepest(sum, a);
}

static inline int deep(int a)
{
	if (a > 100)
		return deeper(a - 100);
	return deeper(a) + deepest(a, 3);
}
#endif
END
	awk -v count="$2" '
	function put(text) { print text }
	BEGIN {
		put("#include \"include/deep.h\"")
		put("volatile int sink;\nint table[256];\n")
		for (i = 0; i < count; i++) {
			kind = i % 6
			name = "function_" i
			if (kind == 1) {
				put("static __attribute__((noinline)) int helper_" i "(int a, int b, int unused)")
				put("{\n\tif (a > 1000000)\n\t\tgive_up(\"too much\", a);")
				put("\ttable[a & 255] += b;\n\treturn deep(a) + " i ";\n}\n")
			}
			put("int " name "(int a)\n{")
			if (kind == 0) {
				put("\tint x = deep(a);\n")
				put("\tsink = x + " i ";")
				put("\treturn x ^ a;")
			} else if (kind == 1) {
				put("\tint x = helper_" i "(a, 3, 9);\n")
				put("\treturn x + helper_" i "(x, 3, 11);")
			} else if (kind == 2) {
				put("\tswitch (a) {")
				for (k = 0; k < 7; k++)
					put("\tcase " k ":\n\t\treturn deepest(a, " k * i ");")
				put("\tdefault:\n\t\treturn deeper(a);\n\t}")
			} else if (kind == 3) {
				put("\tint sum = 0;\n")
				put("\tfor (int i = 0; i < a; i++) {")
				put("\t\tif (__builtin_expect(table[i & 255] < 0, 0))")
				put("\t\t\tgive_up(\"negative\", i);")
				put("\t\tsum += deep(table[i & 255]);\n\t}")
				put("\treturn sum;")
			} else if (kind == 4) {
				put("\tif (a < " i ")\n\t\treturn callback(function_" (i - 1) ", a);")
				put("\tgive_up(\"at the end\", a + " i ");")
			} else {
				put("\treturn a > 2 ? " name "(a - 1) + deepest(a, a) : callback(function_" (i - 5) ", a);")
			}
			put("}\n")
		}
	}' >"$1/main.c"
	{
		cat <<'END'
#include "include/deep.h"
#include <stdlib.h>

__attribute__((noinline)) int callback(int (*f)(int), int value)
{
	return f(deep(value)) + 1;
}

void give_up(const char *why, int code)
{
	sink = *why;
	abort_now(code);
}

int other_name(int value) __attribute__((alias("callback_too")));

int callback_too(int value)
{
	return deeper(value) + deepest(value, 5);
}
END
	} | sed 's/^#include <stdlib.h>/void abort_now(int code) __attribute__((noreturn));/' >"$1/other.c"
	cat >"$1/start.c" <<'END'
#include "include/deep.h"
int function_0(int a);
int function_3(int a);

void abort_now(int code)
{
	for (;;)
		sink = code;
}

int main(int argc, char **argv)
{
	return function_0(argc) + function_3(argc) + callback(function_0, 3);
}
END
	cat >"$1/plain.S" <<'END'
	.text
	.globl assembled
	.type assembled, %function
assembled:
	.rept 16
	nop
	.endr
	.size assembled, . - assembled
	.section .note.GNU-stack,"",%progbits
END
}

# write_cxx_source DIR
write_cxx_source() {
	mkdir -p "$1" || return 1
	cat >"$1/main.cc" <<'END'
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace shop {
inline namespace v2 {

struct item {
	std::string name;
	long price;
	bool operator<(const item &o) const
	{
		return price != o.price ? price < o.price : name < o.name;
	}
};

class base {
public:
	virtual ~base() = default;
	virtual long weigh(const item &i) const = 0;
};

template <int N> class scale : public base {
	std::vector<long> weights;

public:
	explicit scale(long first)
	{
		for (int i = 0; i < N; i++)
			weights.push_back(first + i);
	}
	long weigh(const item &i) const override
	{
		long sum = 0;
		for (auto w : weights)
			sum += w * i.price;
		if (sum < 0)
			throw std::range_error("negative " + i.name);
		return sum;
	}
};

template <typename Map, typename Key> long count_in(Map &m, const Key &k, int n)
{
	auto add = [&](int by) {
		m[k] += by;
		return m[k];
	};
	long total = 0;
	for (int i = 0; i < n; i++)
		total += add(i);
	return total;
}

template <int N> long sell(std::vector<item> &items)
{
	std::sort(items.begin(), items.end(),
		  [](const item &a, const item &b) { return b < a; });
	std::map<std::string, long> ordered;
	std::unordered_map<int, long> hashed;
	std::unique_ptr<base> s = std::make_unique<scale<N>>(N);
	long total = 0;
	for (auto &i : items) {
		total += count_in(ordered, i.name, N);
		total += count_in(hashed, N, 3);
		total += s->weigh(i);
	}
	std::function<long(long)> twice = [total](long x) {
		return x * total + N;
	};
	if (items.empty())
		throw std::logic_error("nothing to sell");
	return twice(total);
}

} // namespace v2

struct __attribute__((abi_tag("tagged"))) ticket {
	int number;
};
__attribute__((noinline)) ticket issue(int n)
{
	return ticket{ n * 2 };
}
} // namespace shop

extern "C" int plain_c(int a)
{
	return shop::issue(a).number;
}

int main(int argc, char **argv)
{
	std::vector<shop::item> items;
	for (int i = 0; i < argc; i++)
		items.push_back({ argv[i], i });
	long sum = shop::sell<2>(items) + shop::sell<3>(items) +
		   shop::sell<5>(items) + shop::sell<7>(items);
	return (int)sum + plain_c(argc);
}
END
}

write_rust_source() {
	mkdir -p "$1" || return 1
	cat >"$1/main.rs" <<'END'
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

trait Weigh {
    fn weigh(&self) -> u64;
}

struct Item<T> {
    name: String,
    value: T,
}

impl<T: Copy + Into<u64>> Weigh for Item<T> {
    fn weigh(&self) -> u64 {
        self.name.bytes().map(|b| b as u64).sum::<u64>() * self.value.into()
    }
}

#[inline(never)]
fn total(items: &[Box<dyn Weigh>]) -> u64 {
    items.iter().map(|i| i.weigh()).filter(|w| w % 3 != 0).sum()
}

fn show<T: Display + Ord + Clone>(values: &mut Vec<T>) -> String {
    values.sort();
    values
        .iter()
        .map(|v| format!("<{}>", v))
        .collect::<Vec<_>>()
        .join(",")
}

fn main() {
    let mut ordered = BTreeMap::new();
    let mut hashed: HashMap<String, u64> = HashMap::new();
    let mut items: Vec<Box<dyn Weigh>> = Vec::new();
    for (n, a) in std::env::args().enumerate() {
        ordered.insert(a.clone(), n);
        *hashed.entry(a.clone()).or_insert(0) += n as u64;
        items.push(Box::new(Item { name: a.clone(), value: n as u32 }));
        items.push(Box::new(Item { name: a, value: n as u8 }));
    }
    let mut names: Vec<String> = ordered.keys().cloned().collect();
    let mut numbers: Vec<u64> = hashed.values().copied().collect();
    println!("{} {} {}", total(&items), show(&mut names), show(&mut numbers));
}
END
}

write_go_source() {
	mkdir -p "$1" || return 1
	cat >"$1/main.go" <<'END'
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

type item struct {
	name  string
	price int
}

func (i item) weigh() int { return len(i.name) * i.price }

type byPrice []item

func (b byPrice) Len() int           { return len(b) }
func (b byPrice) Less(i, j int) bool { return b[i].weigh() < b[j].weigh() }
func (b byPrice) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

func main() {
	var items []item
	for i, a := range os.Args {
		items = append(items, item{strings.ToUpper(a), i})
	}
	sort.Sort(byPrice(items))
	total := 0
	func() {
		for _, i := range items {
			total += i.weigh()
		}
	}()
	fmt.Println(total, items)
}
END
}

# ---- Compiling ---------------------------------------------------------------

c_functions=${SYMBOLIZE_FUNCTIONS:-120}

lacks() {
	local tool
	for tool; do
		if ! have "$tool"; then
			reason="no $tool"
			return 0
		fi
	done
	return 1
}

# try COMMAND...: the reason is what it says when it fails
try() {
	local said
	if said=$("$@" 2>&1); then
		return 0
	fi
	reason="${1##*/}: $(tail -n 1 <<<"$said")"
	return 1
}

# newest PROGRAM: the name with the highest version behind it, or the plain one
newest() {
	local path
	path=$(compgen -c "$1-" | grep -E "^$1-[0-9]+$" | sort -t- -k3n -V |
		tail -n 1)
	echo "${path:-$1}"
}

# compile_c DIR COMPILER [OPTIONS]: a program out of C and assembly
compile_c() {
	local dir=$1 compiler=$2
	shift 2
	lacks "$compiler" && return 1
	write_c_sources "$dir" "$c_functions" || return 1
	(cd "$dir" && "$compiler" "${@/-gsplit-dwarf/-g0}" -g0 -c -o plain.o \
		plain.S &&
		"$compiler" -O2 -g -Wl,--build-id=sha1 "$@" -o prog main.c \
			other.c start.c plain.o) >"$dir/log" 2>&1 ||
		{ in_dir_reason "$dir" "$compiler" "$@"; return 1; }
	fx_debug=$dir/prog
}

# The reason was set in a subshell.
in_dir_reason() {
	reason="$2 cannot compile this with ${*:3}"
}

# compile_free DIR COMPILER [OPTIONS]: a shared object that needs no C library
compile_free() {
	compile_c "$@" -shared -fPIC -nostdlib -fno-stack-protector \
		-Wl,-z,noexecstack
}

# compile_cxx DIR COMPILER [OPTIONS]: a program in C++; the same one is compiled
# once, as it takes long
compile_cxx() {
	local dir=$1 compiler=$2 once=$tmp/once.$((${#once_made[@]} + 1)) made
	made=${once_made["${*:2}"]-}
	shift 2
	lacks "$compiler" && return 1
	if [ -z "$made" ]; then
		write_cxx_source "$once" || return 1
		(cd "$once" && "$compiler" -O2 -g -Wl,--build-id=sha1 "$@" \
			-o prog main.cc) >"$once/log" 2>&1 ||
			{ in_dir_reason "$once" "$compiler" "$@"; return 1; }
		once_made["$compiler $*"]=$once
		made=$once
	fi
	mkdir -p "$dir" && cp "$made"/* "$dir/" || return 1
	fx_debug=$dir/prog
}
declare -A once_made=()

# separate DIR: prog keeps its code, prog.debug what is for debuggers
separate() {
	try objcopy --only-keep-debug "$1/prog" "$1/prog.debug" &&
		try strip -s "$1/prog" || return 1
	fx_exec=$1/prog fx_debug=$1/prog.debug
}

# converted DIR OPTIONS: its sections changed by objcopy. Others are asked about
# it as it was: not all of them know all of these.
converted() {
	local dir=$1
	shift
	compile_cxx "$dir" g++ || return 1
	mv "$dir/prog" "$dir/plain"
	try objcopy "$@" "$dir/plain" "$dir/prog" || return 1
	fx_oracle=$dir/plain
}

# linked DIR OBJECT: a relocatable file laid out as our tables do it, by the
# linker: what its relocations come to by someone else
linked() {
	local dir=$1 object=$2 name size align at=0
	readelf -SW "$object" | sed 's/^ *\[ *[0-9]*\] *//' |
		awk '$2 ~ /^(PROGBITS|NOBITS|NOTE|INIT_ARRAY|FINI_ARRAY)$/ &&
			$7 ~ /A/ { print $1, $5, $NF }' >"$dir/sections"
	echo "SECTIONS {" >"$dir/script"
	while read -r name size align; do
		[ "$align" -ge 1 ] || align=1
		at=$(((at + align - 1) / align * align))
		echo "$name $at : { *($name) }" >>"$dir/script"
		at=$((at + 16#$size + 16))
	done <"$dir/sections"
	echo "}" >>"$dir/script"
	try ld --unresolved-symbols=ignore-all --no-check-sections \
		--no-warn-rwx-segments -e 0 -T "$dir/script" -o "$dir/linked" \
		"$object"
}

make_minidebuginfo() {
	local dir=$1
	compile_c "$dir" "$CC" || return 1
	lacks xz && return 1
	cp "$dir/prog" "$dir/whole"
	nm -D "$dir/prog" --format=posix --defined-only |
		awk '{ print $1 }' | sort >"$dir/dynamic"
	nm "$dir/prog" --format=posix --defined-only |
		awk '$2 == "T" || $2 == "t" || $2 == "D" { print $1 }' | sort |
		comm -13 "$dir/dynamic" - >"$dir/keep"
	try objcopy -S --remove-section .comment --keep-symbols="$dir/keep" \
		--only-keep-debug "$dir/prog" "$dir/mini" || return 1
	objcopy -S --remove-section .gdb_index --remove-section .comment \
		--keep-symbols="$dir/keep" "$dir/prog" "$dir/mini"
	try xz -f "$dir/mini" && try strip -s "$dir/prog" &&
		try objcopy --add-section .gnu_debugdata="$dir/mini.xz" \
			"$dir/prog" || return 1
	strip -g "$dir/whole"
	fx_exec=$dir/prog fx_debug="" fx_oracle=$dir/whole fx_names=$dir/whole
}

# ---- By name -----------------------------------------------------------------

# flat: a table of them
make_fixture_files() {
	local name=$1 dir=$2
	case $name in
	c-gcc) compile_c "$dir" gcc -gdwarf-5 ;;
	c-gcc-dwarf4) compile_c "$dir" gcc -gdwarf-4 ;;
	c-gcc-dwarf3) compile_c "$dir" gcc -gdwarf-3 -gstrict-dwarf ;;
	c-gcc-dwarf2) compile_c "$dir" gcc -gdwarf-2 -gstrict-dwarf ;;
	c-gcc-O0) compile_c "$dir" gcc -gdwarf-5 -O0 -fcommon ;;
	c-lto) compile_c "$dir" gcc -gdwarf-5 -flto ;;
	c-clang) compile_c "$dir" clang -gdwarf-5 ;;
	cxx-gcc) compile_cxx "$dir" g++ -gdwarf-5 ;;
	cxx-gcc-dwarf4) compile_cxx "$dir" g++ -gdwarf-4 -fdebug-types-section ;;
	cxx-clang) compile_cxx "$dir" clang++ -gdwarf-5 ;;
	cxx-clang-dwarf4) compile_cxx "$dir" clang++ -gdwarf-4 ;;
	split-dwo) compile_c "$dir" gcc -gdwarf-5 -gsplit-dwarf && find_dwos ;;
	split-dwo-dwarf4)
		compile_c "$dir" gcc -gdwarf-4 -gsplit-dwarf && find_dwos
		;;
	split-dwo-clang)
		compile_cxx "$dir" clang++ -gdwarf-5 -gsplit-dwarf && find_dwos
		;;
	split-dwp)
		compile_cxx "$dir" clang++ -gdwarf-5 -gsplit-dwarf &&
			package_dwos "$dir" "$(newest llvm-dwp)"
		;;
	split-dwp-dwarf4)
		compile_c "$dir" gcc -gdwarf-4 -gsplit-dwarf &&
			package_dwos "$dir" dwp
		;;
	zlib) converted "$dir" --compress-debug-sections=zlib ;;
	zstd) converted "$dir" --compress-debug-sections=zstd ;;
	zdebug) converted "$dir" --compress-debug-sections=zlib-gnu ;;
	dwz)
		lacks dwz && return 1
		compile_cxx "$dir" g++ -gdwarf-4 && separate "$dir" &&
			try dwz "$dir/prog.debug"
		;;
	dwz-multi) make_dwz_multi "$dir" ;;
	stripped-debug) compile_cxx "$dir" g++ && separate "$dir" ;;
	minidebuginfo) make_minidebuginfo "$dir" ;;
	symtab)
		compile_cxx "$dir" g++ || return 1
		strip -g "$dir/prog"
		;;
	dynsym)
		compile_free "$dir" "$CC" || return 1
		cp "$dir/prog" "$dir/whole"
		strip -s "$dir/prog"
		fx_names=$dir/prog
		;;
	lld) compile_cxx "$dir" clang++ -fuse-ld=lld ;;
	lld-aarch64) compile_free "$dir" clang --target=aarch64-linux-gnu -fuse-ld=lld ;;
	aarch64) compile_free "$dir" aarch64-linux-gnu-gcc ;;
	arm) compile_free "$dir" arm-linux-gnueabihf-gcc ;;
	i386) compile_free "$dir" gcc -m32 ;;
	s390x) compile_free "$dir" s390x-linux-gnu-gcc ;;
	riscv64) compile_free "$dir" riscv64-linux-gnu-gcc ;;
	module) make_module "$dir" ;;
	rust)
		lacks rustc && return 1
		write_rust_source "$dir"
		# rustup wants the home directory it was installed into.
		HOME=$(getent passwd "$(id -u)" | cut -d: -f6) try rustc -g -O \
			-o "$dir/prog" "$dir/main.rs" || return 1
		fx_debug=$dir/prog
		;;
	go)
		lacks go && return 1
		write_go_source "$dir"
		GOCACHE=$dir/cache GOFLAGS=-p=2 GO111MODULE=off GOPROXY=off try go \
			build -ldflags=-compressdwarf=true -o "$dir/prog" \
			"$dir/main.go" || return 1
		fx_debug=$dir/prog
		;;
	*) reason="no fixture $name"; return 1 ;;
	esac
}

find_dwos() {
	fx_dwos=$(echo "$dir"/*.dwo)
}

# package_dwos DIR TOOL. Debian 12 has none for what gcc writes in DWARF 5:
# dwp 2.40 crashes on it, llvm-dwp 14 to 19 never ends.
package_dwos() {
	local dir=$1 tool=$2
	lacks "$tool" && return 1
	(cd "$dir" && timeout 60 "$tool" -e prog -o prog.dwp) >"$dir/log" 2>&1 ||
		{ reason="$tool fails"; return 1; }
	mkdir "$dir/away" && mv "$dir"/*.dwo "$dir/away"
	fx_dwp=$dir/prog.dwp
}

make_dwz_multi() {
	local dir=$1 each
	lacks dwz && return 1
	for each in 5 4; do
		compile_cxx "$dir/$each" g++ -gdwarf-4 -DVARIANT="$each" &&
			cp "$dir/$each/prog" "$dir/whole" &&
			separate "$dir/$each" || return 1
	done
	(cd "$dir" && dwz -m common -M common 4/prog.debug 5/prog.debug) \
		>"$dir/log" 2>&1 || { reason="dwz -m fails"; return 1; }
	[ -e "$dir/common" ] || { reason="dwz -m has nothing in common"; return 1; }
	ln -f "$dir/common" "$dir/4/common"
	fx_exec=$dir/4/prog fx_debug=$dir/4/prog.debug fx_alt=$dir/common
	fx_oracle=$dir/whole
}

# Relocatable, with sections of its own for some functions
make_module() {
	local dir=$1
	write_c_sources "$dir" "$c_functions" || return 1
	sed -i 's/^int function_[0-9]*[02](/__attribute__((section(".init.text"))) &/' \
		"$dir/main.c"
	(cd "$dir" && "$CC" -O2 -g -gdwarf-5 -c main.c && "$CC" -O2 -g -c other.c &&
		ld -r --build-id=sha1 -o prog main.o other.o) >"$dir/log" 2>&1 ||
		{ reason="$CC cannot compile a module"; return 1; }
	linked "$dir" "$dir/prog" || return 1
	fx_debug=$dir/prog fx_oracle=$dir/linked fx_names=$dir/linked
}

make_fixture() {
	fx_exec="" fx_debug="" fx_alt="" fx_dwos="" fx_dwp="" fx_oracle="" fx_names=""
	reason="$1 cannot be made"
	mkdir -p "$2" && make_fixture_files "$1" "$2" || return 1
	: "${fx_oracle:=${fx_debug:-$fx_exec}}"
	: "${fx_names:=${fx_debug:-$fx_exec}}"
}
