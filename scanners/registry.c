#include "config.h"
#include "scanners/scanner.h"
