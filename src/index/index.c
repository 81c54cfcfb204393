#include "config.h"
#include "index/index.h"
