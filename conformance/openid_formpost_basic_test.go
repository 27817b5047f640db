package conformance

// formPostBasicPlan is oidcc-formpost-basic-certification-test-plan.
func formPostBasicPlan() plan {
	return plan{"oidcc-formpost-basic-certification-test-plan", []variant{{"code", "form_post"}}, coreModules()}
}
