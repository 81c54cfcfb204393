/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_write.h"
#include "command.h"
#include "elf/elf_facts.h"
#include "index/index.h"

static void print_text(const struct index_place *p)
{
	const char *machine = elf_machine_name(p->machine, p->elf_class == 64,
					       p->is_big_endian);

	print_shown(p->path);
	if (p->member) {
		printf(": ");
		print_shown(p->member);
	}
	printf("\n    %s%s%s, %s, %s, %s, %" PRIu64 " bytes, %" PRIu64
	       " sources\n",
	       p->roles & ELF_ROLE_EXECUTABLE ? "executable" : "",
	       (p->roles & 3) == 3 ? " and " : "",
	       p->roles & ELF_ROLE_DEBUGINFO ? "debuginfo" : "",
	       machine ? machine : "unknown machine",
	       p->is_gnu ? "GNU build ID" : "no build ID, found by file hash",
	       elf_quality_name((enum elf_quality)p->quality), p->size,
	       p->source_count);
	if (access(p->path, R_OK))
		printf("    not readable now\n");
}

static void print_json(struct json_write *j, const struct index_place *p)
{
	json_write_object(j);
	json_write_kv_string(j, "path", p->path);
	json_write_kv_string(j, "member", p->member);
	json_write_kv_string(j, "scanner", p->scanner);
	json_write_kv_bool(j, "executable", p->roles & ELF_ROLE_EXECUTABLE);
	json_write_kv_bool(j, "debuginfo", p->roles & ELF_ROLE_DEBUGINFO);
	json_write_kv_string(j, "quality",
			     elf_quality_name((enum elf_quality)p->quality));
	json_write_kv_uint(j, "size", p->size);
	json_write_kv_uint(j, "sources", p->source_count);
	json_write_object_end(j);
}

struct error *cmd_find(const struct settings *s, const char *program)
{
	CLEANUP(index_places_deinit) struct index_places places = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct index_reader *r;
	struct json_write j;
	struct build_id id;

	(void)program;
	if (s->path_count != 1)
		return error_new(BAD_REQUEST, "find: one build ID, please");
	if (!build_id_parse(s->paths[0], strlen(s->paths[0]), &id))
		return error_new(BAD_REQUEST,
				 "find: \"%s\" is not a build ID: an even "
				 "number of 4 to 128 hexadecimal digits",
				 s->paths[0]);
	TRY(index_reader_open(s->state_dir, &r));
	struct error *err = index_find(
		r, &id, ELF_ROLE_EXECUTABLE | ELF_ROLE_DEBUGINFO, &places);

	index_reader_close(r);
	TRY(err);
	json_write_init(&j, &text);
	json_write_array(&j);
	for (size_t i = 0; i < places.count; i++) {
		if (s->json)
			print_json(&j, &places.v[i]);
		else
			print_text(&places.v[i]);
	}
	json_write_array_end(&j);
	if (text.failed)
		return error_no_memory;
	if (s->json)
		printf("%.*s\n", (int)text.size, (char *)text.data);
	else if (!places.count)
		printf("%s: not in the index\n", s->paths[0]);
	return NULL;
}
