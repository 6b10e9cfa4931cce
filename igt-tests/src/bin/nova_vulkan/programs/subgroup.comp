// SPDX-License-Identifier: MIT
#version 450
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_KHR_shader_subgroup_shuffle_relative : require
#extension GL_KHR_shader_subgroup_vote : require
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer A { uint a[]; };
layout(binding = 1) writeonly buffer B { uvec4 b[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint lane = gl_SubgroupInvocationID;
    uint v = a[i];
    uint odd = subgroupBallot((v & 1) != 0).x;
    b[i * 4] = uvec4(subgroupShuffle(v, lane ^ 5), subgroupShuffleXor(v, 3), odd, bitCount(odd));
    b[i * 4 + 1] = uvec4(lane < 1 ? 0 : subgroupShuffleUp(v, 1), lane > 29 ? 0 : subgroupShuffleDown(v, 2),
                         subgroupBroadcastFirst(v), gl_SubgroupID);
    b[i * 4 + 2] = uvec4(subgroupAdd(v), subgroupMin(v), subgroupInclusiveAdd(v), subgroupXor(v));
    bool small = v < 0xf0000000;
    b[i * 4 + 3] = uvec4(subgroupAll(small) ? 1 : 0, subgroupAny(small) ? 1 : 0,
                         subgroupAllEqual(v) ? 1 : 0, subgroupElect() ? 1 : 0);
}
