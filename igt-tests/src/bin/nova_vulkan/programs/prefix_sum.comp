// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 128) in;
layout(binding = 0) buffer A { uint a[]; };
shared uint sum[128];

void main()
{
    uint i = gl_LocalInvocationIndex;
    sum[i] = a[gl_GlobalInvocationID.x];
    for (uint step_ = 1; step_ < 128; step_ <<= 1) {
        barrier();
        uint other = i >= step_ ? sum[i - step_] : 0;
        barrier();
        sum[i] += other;
    }
    a[gl_GlobalInvocationID.x] = sum[i];
}
