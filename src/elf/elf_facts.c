#include "config.h"
#include "elf/elf_facts.h"
