package conformance

// implicitPlan is oidcc-implicit-certification-test-plan.
func implicitPlan() plan {
	return plan{"oidcc-implicit-certification-test-plan", []variant{{"id_token", ""}, {"id_token token", ""}}, coreModules()}
}
