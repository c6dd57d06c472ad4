// NVIDIA's management library of a machine with two accelerators, as far as they are watched. Each call tells the same, but
// for energy, which grows.
#include <stdint.h>
#include <string.h>

static unsigned long long millijoules[2] = {1000000, 2000000};

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *version, unsigned length) {
  strncpy(version, "580.00", length);
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  *device = (void *)(uintptr_t)(index + 1);
  return index < 2 ? 0 : 2;
}
struct utilization { unsigned gpu, memory; };
int nvmlDeviceGetUtilizationRates(void *device, struct utilization *rates) {
  rates->gpu = device == (void *)1 ? 40 : 70;
  rates->memory = 10;
  return 0;
}
struct memory { unsigned version; unsigned long long total, reserved, free, used; };
int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory *memory) {
  memory->total = 80000000000ULL;
  memory->reserved = 0;
  memory->used = device == (void *)1 ? 60000000000ULL : 20000000000ULL;
  memory->free = memory->total - memory->used;
  return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
  *milliwatts = device == (void *)1 ? 300000 : 200000;
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *energy) {
  *energy = millijoules[(uintptr_t)device - 1] += 50000;
  return 0;
}
// What this model does not tell.
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) { return 3; }
